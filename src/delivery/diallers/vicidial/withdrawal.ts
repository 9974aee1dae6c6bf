import type { ClaimedWithdrawal } from '../../../store/withdrawals.ts';
import type { WithdrawalResult } from '../../dialler.ts';
import { withdrawalResult } from '../http-client.ts';
import type { VicidialApi } from './api.ts';
import { Lookup } from './lookup.ts';
import { storedForms } from './phone-numbers.ts';
import { RequestFailed } from './request-failed.ts';
import { isListError, type Line, limitPause, notFromVicidial } from './response.ts';

/** A lead of VICIdial, and whether somebody has called it. */
interface Row {
  id: string;
  status: string;
  calledCount: number;
}

/** Status of a lead that nobody has called yet, unless its `called_count` is more than 0: the dialler sets it later. */
const uncalled = 'NEW';

/** Status of a lead whose partner has cancelled it, or whose person was erased. */
const cancelled = 'CANCEL';

/** Status of a lead whose person objects: VICIdial's own for people who must not be called. */
const objected = 'DNC';

/** Statuses of a lead that is being called, until the agent or VICIdial sets another. */
const inCall = new Set(['INCALL', 'QUEUE', 'PU']);

/** Time after which a lead that is being called is tried again (ms). */
const callDuration = 60_000;

/** What a withdrawal needs. */
export interface WithdrawalOptions {
  api: VicidialApi;
  /** Time for which VICIdial may still be processing a request without a response (ms). */
  maxRuntime: number;
  withdrawal: ClaimedWithdrawal;
  signal: AbortSignal;
}

/**
 * One attempt to withdraw a lead from VICIdial.
 *
 * - A cancellation withdraws a lead only if nobody has called yet: its status is `NEW`, and its `called_count` is 0.
 * - After an objection or erasure, the lead is withdrawn even if somebody has, but not during a call, because its end
 *   sets another status.
 *
 * The dialling scripts take a lead from the hopper, then count the call, then remove the lead from the hopper. What
 * VICIdial has after the update therefore proves whether a call has begun meanwhile.
 */
export class VicidialWithdrawal {
  readonly #options: WithdrawalOptions;
  readonly #lookup: Lookup;
  readonly #status: string;

  constructor(options: WithdrawalOptions) {
    this.#options = options;
    this.#lookup = new Lookup(options.api, options.signal);
    this.#status = options.withdrawal.cause === 'objection' ? objected : cancelled;
  }

  async run(): Promise<WithdrawalResult> {
    try {
      const ids = await this.#find();
      if (ids.length === 0) return await this.#resultOfMissing();
      const rows: Row[] = [];
      for (const id of ids) rows.push(await this.#read(id));
      const obstacle = rows.map((row) => this.#obstacleOf(row)).find((each) => each !== undefined);
      if (obstacle !== undefined) return obstacle;
      for (const { id } of rows) {
        const result = await this.#withdraw(id);
        if (result !== undefined) return result;
      }
      return {
        outcome: 'withdrawn',
        response: `${describe(ids)}: status ${this.#status}, not in the hopper`,
      };
    } catch (error) {
      if (error instanceof RequestFailed) return withdrawalResult(error.result);
      throw error;
    }
  }

  /** The id that VICIdial returned when the lead was delivered. Undefined: unknown. */
  get #deliveredId(): string | undefined {
    return /\blead (\d+) of list /.exec(this.#options.withdrawal.deliveryResponse ?? '')?.[1];
  }

  /** Returns the ids of the leads that are this one. Nobody else's lead is among them. */
  async #find(): Promise<string[]> {
    const { id, mobile } = this.#options.withdrawal;
    const found = await this.#lookup.leadsOf(storedForms(mobile), id);
    const delivered = this.#deliveredId;
    if (delivered === undefined || found.includes(delivered)) return found;
    // Somebody may have corrected the number in VICIdial.
    const code = await this.#lookup.field(delivered, 'vendor_lead_code');
    return code === id ? [...found, delivered] : found;
  }

  async #resultOfMissing(): Promise<WithdrawalResult> {
    const { dialledAt, lastUnknownAt } = this.#options.withdrawal;
    const settling = Math.max(0, (lastUnknownAt ?? 0) + this.#options.maxRuntime - Date.now());
    if (settling > 0) {
      const response = 'VICIdial may still be adding the lead';
      return notNow(response, Math.min(settling, this.#options.maxRuntime));
    }
    if (dialledAt === null) return { outcome: 'withdrawn', response: 'VICIdial does not have the lead' };
    const id = this.#deliveredId;
    if (id !== undefined && (await this.#lookup.field(id, 'status')) === undefined) {
      return { outcome: 'withdrawn', response: `lead ${id} was deleted in VICIdial` };
    }
    const response =
      'VICIdial has no lead with this id and number: find the person there, and remove the lead';
    return { ...notNow(response), needsOperator: true };
  }

  async #read(id: string): Promise<Row> {
    const status = await this.#lookup.field(id, 'status');
    const calledCount = await this.#lookup.field(id, 'called_count');
    // Nobody calls a lead that was deleted meanwhile, which the update confirms.
    return { id, status: status ?? this.#status, calledCount: Number(calledCount ?? 0) };
  }

  /** Returns why a lead is not withdrawn. Undefined: it can be. */
  #obstacleOf({ id, status, calledCount }: Row): WithdrawalResult | undefined {
    if (this.#options.withdrawal.cause === 'cancellation') {
      const isUncalled = calledCount === 0 && (status === uncalled || status === cancelled);
      if (isUncalled) return undefined;
      return { outcome: 'too-late', response: `lead ${id} has the status ${status}, calls: ${calledCount}` };
    }
    if (!inCall.has(status) && !(status === uncalled && calledCount > 0)) return undefined;
    const response = `lead ${id} is being called (status ${status}, calls: ${calledCount})`;
    return notNow(response, callDuration);
  }

  /** Withdraws a lead, and confirms it. Returns undefined: nobody will call it. */
  async #withdraw(id: string): Promise<WithdrawalResult | undefined> {
    const isCancellation = this.#options.withdrawal.cause === 'cancellation';
    const lines = await this.#update(id, {
      status: this.#status,
      remove_from_hopper: 'Y',
      ...(!isCancellation && { callback: 'REMOVE' }),
    });
    const error = lines.find(({ kind }) => kind === 'ERROR');
    if (error !== undefined && /NO MATCHES FOUND/.test(error.message)) return undefined;
    const isUpdated = lines.some(
      ({ kind, message }) => kind === 'SUCCESS' && message.startsWith('update_lead '),
    );
    const hopper = hopperNotice(lines);
    if (error !== undefined && !isUpdated) {
      const list = isListError(error.message) ? ` (list ${error.values[0]})` : '';
      return notNow(`lead ${id}: ${error.message}${list}`);
    }
    if (!isUpdated) return { outcome: 'unknown', response: `lead ${id}: ${notFromVicidial}` };
    if (hopper === undefined) {
      const response = `lead ${id}: the response ended before the lead was removed from the hopper`;
      return { outcome: 'unknown', response };
    }
    const { status, calledCount } = await this.#read(id);
    const isTaken = hopper === 'taken' || status !== this.#status || (isCancellation && calledCount > 0);
    if (!isTaken) return undefined;
    const response = `lead ${id} is being called (status ${status}, calls: ${calledCount})`;
    if (isCancellation) return { outcome: 'too-late', response };
    return notNow(response, callDuration);
  }

  async #update(id: string, parameters: Record<string, string>): Promise<readonly Line[]> {
    const { api, signal } = this.#options;
    const all = { search_method: 'LEAD_ID', lead_id: id, ...parameters };
    try {
      return (await api.call('update_lead', all, signal)).lines;
    } catch (error) {
      if (error instanceof RequestFailed) throw new RequestFailed(limitPause('update_lead', error.result));
      throw error;
    }
  }
}

/**
 * Returns where the hopper had a lead. A row with another status than `READY` was taken by a dialling script, which
 * calls the lead even if the row is removed. Undefined: the script ended before it removed the lead.
 */
function hopperNotice(lines: readonly Line[]): 'removed' | 'absent' | 'taken' | undefined {
  const notice = lines.find(
    ({ kind, message }) => kind === 'NOTICE' && message.includes('REMOVED FROM HOPPER'),
  );
  if (notice === undefined) return undefined;
  if (notice.message.includes('NOT IN THE HOPPER')) return 'absent';
  const isRemoved = !notice.message.includes('NOT REMOVED') && notice.values[2] === 'READY';
  return isRemoved ? 'removed' : 'taken';
}

/** Returns the result for a lead that cannot be withdrawn now, while VICIdial works. */
function notNow(response: string, retryAfter?: number): WithdrawalResult {
  return {
    outcome: 'unavailable',
    response,
    isOfLead: true,
    ...(retryAfter !== undefined && { retryAfter }),
  };
}

function describe(ids: readonly string[]): string {
  return `${ids.length === 1 ? 'lead' : 'leads'} ${ids.join(', ')} of VICIdial`;
}
