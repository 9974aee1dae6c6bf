import { setImmediate as endOfTick } from 'node:timers/promises';
import type { ClaimedLead, Delivery } from '../store/delivery.ts';
import { maxStartDelay } from '../store/suppressions.ts';
import type { Log } from '../telemetry/log.ts';
import { storeRetryInterval } from './attempt-limits.ts';
import type { AttemptMaker, AttemptResult } from './attempt-maker.ts';
import type { AttemptRecorder } from './attempt-recorder.ts';
import type { AttemptsInFlight } from './attempts-in-flight.ts';
import type { ClaimFilter } from './claim-filter.ts';
import type { PauseTracker } from './pause-tracker.ts';
import type { Permitted } from './permission.ts';
import type { ResultHandler } from './result-handler.ts';
import type { Sleeper } from './sleeper.ts';

/** What the sender depends on. */
export interface ClaimSenderOptions {
  store: Pick<Delivery, 'renewLease'>;
  attempts: AttemptMaker;
  inFlight: AttemptsInFlight;
  filter: ClaimFilter;
  pauses: PauseTracker;
  recorder: AttemptRecorder;
  results: ResultHandler;
  sleeper: Sleeper;
  log: Log;
  /** Time for which a claim holds a lead (ms). */
  lease: number;
}

/** Sends the leads of a claim: starts their attempts while the claim certainly holds them. */
export class ClaimSender {
  readonly #options: ClaimSenderOptions;
  readonly #unrecorded = new Set<Promise<void>>();

  constructor(options: ClaimSenderOptions) {
    this.#options = options;
  }

  /** Resolves once the results of all attempts are recorded, or could not be recorded because the store fails. */
  async recorded(): Promise<void> {
    await Promise.all(this.#unrecorded);
  }

  /**
   * Starts the attempts of a claim. If the store responded late, or the process was suspended, the lease could end
   * during an attempt, and a person may have objected since: the lease is renewed first, and leads that another process
   * has claimed meanwhile, or whose people objected, are left out. While the store takes too long to renew a lease,
   * nothing is sent.
   *
   * @param claimedAt when the claim was sent to the store (`performance.now()`)
   */
  async send(claim: string, claimed: readonly Permitted<ClaimedLead>[], claimedAt: number): Promise<void> {
    const { recorder, sleeper } = this.#options;
    let [leads, since, isRenewed] = [claimed, claimedAt, false];
    for (;;) {
      const [lead, ...others] = leads;
      if (lead === undefined) return;
      if (performance.now() - since <= maxStartDelay) {
        this.#start(claim, lead);
        leads = others;
        // Starting all in one tick would delay partners' requests by milliseconds.
        await endOfTick();
      } else if (isRenewed && sleeper.isStopped) {
        for (const { lead } of leads) await recorder.release(claim, [lead.id], Date.now());
        return;
      } else {
        since = performance.now();
        isRenewed = true;
        leads = await this.#stillPermitted(claim, await this.#renewLease(claim, leads));
      }
    }
  }

  /** Returns those leads of a claim that may still be sent, because the calling hours may have ended meanwhile. */
  async #stillPermitted(
    claim: string,
    leads: readonly Permitted<ClaimedLead>[],
  ): Promise<Permitted<ClaimedLead>[]> {
    if (leads.length === 0) return [];
    const { permitted } = await this.#options.filter.sendable(
      claim,
      leads.map(({ lead }) => lead),
    );
    const before = new Map(leads.map((each) => [each.lead.id, each]));
    // What was left out before is not in the lead any more.
    return permitted.map((each) => ({ ...before.get(each.lead.id), ...each }));
  }

  /**
   * Renews the lease of leads, and retries while the store fails. Returns the leads that the claim still holds. A stop
   * ends the retries; it does not prevent the first renewal, because a lead that is not sent would seem to have been.
   */
  async #renewLease(
    claim: string,
    leads: readonly Permitted<ClaimedLead>[],
  ): Promise<Permitted<ClaimedLead>[]> {
    const { store, filter, log, sleeper, lease } = this.#options;
    const ids = leads.map(({ lead }) => lead.id);
    do {
      try {
        const held = new Set(await store.renewLease(claim, ids, lease));
        // Those that the claim still holds are in the do-not-call list; the others are not changed.
        await filter.suppress(
          claim,
          ids.filter((id) => !held.has(id)),
        );
        return leads.filter(({ lead }) => held.has(lead.id));
      } catch (error) {
        log.error({ err: error }, 'The store failed while claiming due leads; retrying.');
        sleeper.expectChanges();
        await sleeper.sleep(storeRetryInterval);
      }
    } while (!sleeper.isStopped);
    return [];
  }

  /** Starts an attempt, whose result is handled when it ends. */
  #start(claim: string, { lead, leftOut, basis }: Permitted<ClaimedLead>): void {
    const { inFlight, attempts, pauses, results, log, sleeper } = this.#options;
    const current = inFlight.begin(lead.id);
    const start = { at: Date.now(), on: performance.now(), isTrial: pauses.isTrial(lead.type), basis };
    const attempt = attempts.make(lead, current.signal);
    const recorded = attempt
      .then((result) => results.handle(claim, lead, start, withLeftOut(result, leftOut)))
      .catch((error) => log.error({ err: error, lead: lead.id }, 'A delivery attempt was not recorded.'))
      .finally(() => this.#unrecorded.delete(recorded));
    this.#unrecorded.add(recorded);
    const released = attempt.then(({ connectionReleased }) => connectionReleased);
    void Promise.allSettled([recorded, released]).then(() => {
      inFlight.end(current);
      sleeper.wake();
    });
  }
}

/** Adds to a result what was left out of the lead, for the record of the attempt. */
function withLeftOut(result: AttemptResult, leftOut: string | undefined): AttemptResult {
  return leftOut === undefined ? result : { ...result, response: `${result.response}; ${leftOut}` };
}
