import type { ValidationErrors } from '../contract/messages.ts';
import type { Reply } from '../contract/reply.ts';
import { startOfDay } from '../partners/day.ts';
import type { RejectionCount, Rejections } from '../store/rejections.ts';
import type { Log } from '../telemetry/log.ts';
import { PeriodicTask } from './periodic-task.ts';

/** Interval between writes (ms). */
const interval = 10_000;

/** Maximum number of counts between two writes. Further requests of that time are not counted. */
const maxCounts = 10_000;

/** A rejected request with a known key. */
export interface RejectedRequest {
  partnerId: number;
  operation: string;
  reply: Pick<Reply, 'outcome' | 'text'>;
  /** Why it was rejected, for operators; undefined: the first message of the reply states it. */
  reason: string | undefined;
  /** Fields of its body in the contract, whose names can be recorded. */
  fields: ReadonlySet<string>;
  requestId: string;
  /** Milliseconds since 1970. */
  receivedAt: number;
}

/** Counts rejected requests by partner and reason, and saves the counts at intervals. */
export class RejectionCounter {
  readonly #rejections: Pick<Rejections, 'recordRejections'>;
  readonly #log: Log;
  readonly #saves: PeriodicTask;
  #unsaved = new Map<string, RejectionCount>();

  constructor(rejections: Pick<Rejections, 'recordRejections'>, log: Log) {
    this.#rejections = rejections;
    this.#log = log;
    this.#saves = new PeriodicTask(interval, () => this.#save());
  }

  /** Counts a request. */
  count({ partnerId, operation, reply, reason, fields, requestId, receivedAt }: RejectedRequest): void {
    this.#add({
      partnerId,
      operation,
      outcome: reply.outcome,
      reason: reason ?? reasonOf(reply, fields),
      day: startOfDay(receivedAt),
      count: 1,
      lastAt: receivedAt,
      lastRequestId: requestId,
    });
  }

  /** Saves what is not saved yet, and ends the saves. */
  stop(): Promise<void> {
    return this.#saves.stop();
  }

  #add(added: RejectionCount): void {
    const key = JSON.stringify([added.partnerId, added.day, added.operation, added.outcome, added.reason]);
    const counted = this.#unsaved.get(key);
    if (counted !== undefined) this.#unsaved.set(key, { ...added, count: counted.count + added.count });
    else if (this.#unsaved.size < maxCounts) this.#unsaved.set(key, added);
  }

  /** Saves what is not saved yet. If that fails, the next save includes it. */
  async #save(): Promise<void> {
    if (this.#unsaved.size === 0) return;
    const [saved, later] = [this.#unsaved, new Map<string, RejectionCount>()];
    this.#unsaved = later;
    try {
      await this.#rejections.recordRejections([...saved.values()]);
    } catch (error) {
      this.#log.warn({ err: error }, 'The counts of rejected requests could not be recorded.');
      this.#unsaved = saved;
      for (const each of later.values()) this.#add(each);
    }
  }
}

/** Returns the first message of a refusal, unless it contains a name that the partner chose. */
function reasonOf({ outcome, text }: RejectedRequest['reply'], fields: ReadonlySet<string>): string {
  if (outcome !== 'validation-failed') {
    // The cast: this is the body of every other refusal in the contract.
    return (JSON.parse(text) as { error: string }).error;
  }
  // The cast: this is the body of this outcome.
  const [field = '', messages] = Object.entries(JSON.parse(text) as ValidationErrors)[0] ?? [];
  if (!fields.has(field)) return 'A field, parameter or header is unknown or invalid.';
  return messages?.[0] ?? '';
}
