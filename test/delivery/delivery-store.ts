import { setImmediate as nextTick } from 'node:timers/promises';
import { onTestFinished, vi } from 'vitest';
import { deliveryPermission } from '../../src/delivery/delivery-rules.ts';
import type { DeliveryResult, Dialler } from '../../src/delivery/dialler.ts';
import { Dispatcher, type DispatcherOptions } from '../../src/delivery/dispatcher.ts';
import { phoneParsers } from '../../src/leads/phone.ts';
import type { CallCounts } from '../../src/store/call-counts.ts';
import type { ClaimedLead, Delivery } from '../../src/store/delivery.ts';
import type { DeliveryGaps } from '../../src/store/delivery-gaps.ts';
import type { DeliveryPause, DeliveryPauses } from '../../src/store/delivery-pauses.ts';
import type { DuplicateChecks } from '../../src/store/duplicate-checks.ts';
import type { Suppressions } from '../../src/store/suppressions.ts';
import { recordingLog } from '../harness/recording-log.ts';
import { unscreened } from '../harness/unscreened.ts';
import { claimedLead } from './claimed-lead.ts';

/** Time of a test's stopped clock (ms since 1970). */
export const startTime = Date.parse('2026-11-23T12:00:00Z');

type DispatchersStore = Delivery &
  DeliveryPauses &
  DuplicateChecks &
  DeliveryGaps &
  Pick<Suppressions, 'suppressedNumbers' | 'suppressClaimed'> &
  CallCounts;

/** Stand-in for the part of a store that the dispatcher uses; the test decides what is due. */
export class DeliveryStore implements DispatchersStore {
  /** Leads that are due and not claimed. */
  due: ClaimedLead[] = [];
  /** The leads of the last claim. */
  claimed: ClaimedLead[] = [];
  /** Result of `nextAttemptAt` if nothing is due. */
  next: number | undefined;
  inForce: DeliveryPause[] = [];
  readonly listeners = new Set<() => void>();

  readonly nextAttemptAt = vi.fn<Delivery['nextAttemptAt']>(async () =>
    this.due.length > 0 ? Date.now() : this.next,
  );

  readonly claimDue = vi.fn<Delivery['claimDue']>(async ({ limit }) => {
    this.claimed = this.due.splice(0, limit);
    return this.claimed;
  });

  readonly endTooLate = vi.fn<DeliveryGaps['endTooLate']>(async (_claim, leadIds) => {
    const ended = this.claimed.filter(({ id }) => leadIds.includes(id));
    const idsIf = (mayHaveArrived: boolean) =>
      ended.filter((lead) => lead.mayHaveArrived === mayHaveArrived).map(({ id }) => id);
    return { expired: idsIf(false), undecided: idsIf(true) };
  });
  readonly deliveryGaps = vi.fn<DeliveryGaps['deliveryGaps']>(async () => []);
  readonly recordGaps = vi.fn<DeliveryGaps['recordGaps']>(async () => {});
  readonly recordDeliverable = vi.fn<DeliveryGaps['recordDeliverable']>(async () => {});

  readonly renewLease = vi.fn<Delivery['renewLease']>(async (_claim, leadIds) => [...leadIds]);
  readonly releaseLeads = vi.fn<Delivery['releaseLeads']>(async () => {});
  readonly postponeLeads = vi.fn<Delivery['postponeLeads']>(async (leadIds) => {
    this.due = this.due.filter(({ id }) => !leadIds.includes(id));
  });
  readonly earlierLeads = vi.fn<Delivery['earlierLeads']>(async () => []);
  readonly endDiallerPause = vi.fn<DeliveryPauses['endDiallerPause']>(async () => {});
  readonly recordAttempt = vi.fn<Delivery['recordAttempt']>(async () => false);
  readonly deliveredAfterUnknown = vi.fn<DuplicateChecks['deliveredAfterUnknown']>(async () => []);
  readonly duplicatesCheckedUntil = vi.fn<DuplicateChecks['duplicatesCheckedUntil']>(async () => undefined);
  readonly recordDuplicatesChecked = vi.fn<DuplicateChecks['recordDuplicatesChecked']>(async () => {});
  readonly callingHours = async () => [];
  readonly clockSkew = unscreened.clockSkew;
  readonly registries = unscreened.registries;
  readonly screeningOfTypes = unscreened.screeningOfTypes;
  readonly listedNumbers = unscreened.listedNumbers;
  readonly screenings = unscreened.screenings;
  readonly saveScreenings = unscreened.saveScreenings;
  readonly recordRefusedNumbers = unscreened.recordRefusedNumbers;
  readonly recordOtherPhones = unscreened.recordOtherPhones;
  readonly deliveriesSince = vi.fn<CallCounts['deliveriesSince']>(async () => []);
  readonly suppressedNumbers = vi.fn<Suppressions['suppressedNumbers']>(async () => []);
  readonly suppressClaimed = vi.fn<Suppressions['suppressClaimed']>(async () => ({
    leads: [],
    withdrawals: [],
  }));
  readonly pauses = vi.fn<DeliveryPauses['pauses']>(async () => this.inForce);

  readonly pauseDelivery = vi.fn<DeliveryPauses['pauseDelivery']>(async (pause) => {
    this.inForce = [{ ...pause, since: Date.now() }];
  });

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Notifies the dispatcher of a change. */
  change(): void {
    for (const listener of this.listeners) listener();
  }

  async *dueLeads(limit: number): AsyncGenerator<ClaimedLead> {
    yield* this.due.slice(0, limit);
  }

  resumeDelivery(): Promise<DeliveryPause[]> {
    throw new Error('not used');
  }
}

/** Creates leads that are due. */
export function leadsOf(count: number, changes: Partial<ClaimedLead> = {}): ClaimedLead[] {
  return Array.from({ length: count }, (_, index) =>
    claimedLead({}, { id: `lead-${index + 1}`, dueAt: startTime, ...changes }),
  );
}

/** A dialler whose test decides when and how each attempt ends. An attempt that is aborted ends as unknown. */
export function heldDialler() {
  const attempts: { lead: ClaimedLead; signal: AbortSignal; end(result: DeliveryResult): void }[] = [];
  const dialler: Dialler = {
    name: 'test',
    deliver: (lead, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve({ outcome: 'unknown', response: 'aborted' }));
        attempts.push({ lead, signal, end: resolve });
      }),
  };
  return { dialler, attempts };
}

/** A dialler that responds immediately. */
export function respondingDialler(respond: (lead: ClaimedLead) => DeliveryResult): Dialler {
  return { name: 'test', deliver: async (lead) => respond(lead) };
}

/** Runs everything that is due, without advancing the clock. */
export async function runDue(): Promise<void> {
  for (let tick = 0; tick < 30; tick += 1) await nextTick();
}

/** Advances the clock by some time (ms), and runs everything that becomes due. */
export async function advanceClock(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
  await runDue();
}

/** Stops the clock at `startTime`: only `advanceClock` advances it. */
export function stopClock(): void {
  if (vi.isFakeTimers()) return;
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'],
    now: startTime,
  });
  onTestFinished(() => void vi.useRealTimers());
}

/** Starts a dispatcher on a stopped clock, and lets it run until it sleeps. It stops when the test ends. */
export async function dispatchFrom(
  store: DeliveryStore,
  dialler: Dialler,
  options: Partial<DispatcherOptions> = {},
) {
  stopClock();
  const { log, lines } = recordingLog();
  const onAttempt = vi.fn();
  const onTooLate = vi.fn();
  const onWithdrawalReopened = vi.fn();
  const dispatcher = new Dispatcher({
    store,
    dialler,
    permission: deliveryPermission({
      store,
      parsePhone: phoneParsers('GB').parse,
      defaultCountry: 'GB',
      callsPerDay: undefined,
      dialWithin: options.dialWithin,
    }),
    log,
    concurrency: 4,
    timeout: 20_000,
    observer: { onAttempt, onTooLate, onWithdrawalReopened },
    ...options,
  });
  onTestFinished(async () => {
    const stopped = dispatcher.stop();
    await advanceClock(60_000);
    await stopped;
  });
  await runDue();
  return { dispatcher, lines, onAttempt, onTooLate, onWithdrawalReopened };
}

/** Lets the first lead succeed, so that further leads are sent concurrently. */
export async function succeedOnce(
  store: DeliveryStore,
  attempts: ReturnType<typeof heldDialler>['attempts'],
): Promise<void> {
  store.due = leadsOf(1, { id: 'first' });
  store.change();
  await runDue();
  attempts[0]?.end({ outcome: 'delivered', response: 'delivered' });
  await advanceClock(2);
  attempts.length = 0;
  store.claimDue.mockClear();
}
