import { formatTime } from '../text/time.ts';
import type { DeliveryPause, DeliveryPauses, NewPause } from './delivery-pauses.ts';

/** Numbers of leads that are held, or would be. */
export interface HeldCount {
  leads: number;
  /** Number of them that the dialler may have: they may have been delivered after the backup was made. */
  mayHaveArrived: number;
}

/**
 * Scheduled leads of a restored backup. An operator decides whether each is delivered, because it may have been
 * already.
 */
export interface HeldLeads {
  /**
   * Counts the scheduled leads, which `holdScheduled` would hold.
   *
   * @param restoredAt time of the restore (ms since 1970)
   */
  countScheduled(restoredAt: number): Promise<HeldCount>;
  /**
   * Holds a limited number of scheduled leads, and returns how many. 0: none is left. The dialler may have a lead that
   * it might have before, whose attempt was in flight, or that became due before the restore; later ones cannot have
   * been delivered.
   *
   * @param restoredAt time of the restore (ms since 1970)
   */
  holdScheduled(restoredAt: number): Promise<HeldCount>;
}

/** Number of leads that one step of `holdScheduled` holds. */
export const holdStepSize = 5_000;

/** A restore of a store. */
export interface Restore {
  /** The backup, for the reason of the pause; undefined: unknown. */
  backup: string | undefined;
  /** Milliseconds since 1970. */
  restoredAt: number;
}

/** What the reason of the pause starts with. */
const restored = 'Restored from ';
const repaired = 'Repaired without its log';

const review = 'Before you resume delivery, review the leads (docs/operating/backup-and-restore.md).';

/** Returns whether a pause is that of a restore, or of such a repair. An operator ends it after a review of the leads. */
export function isRestorePause({ type, by, reason }: Pick<DeliveryPause, 'type' | 'by' | 'reason'>): boolean {
  if (type !== undefined || by !== 'operator') return false;
  return [restored, repaired].some((start) => reason.startsWith(start));
}

/** Precedes the reason of a later pause by an operator. */
const pausedAgain = ' Paused again: ';

/**
 * Returns the reason with which an operator's pause is stored. The reason of a restore is kept, and that of a later
 * pause is appended: otherwise `leads delivery resume` would no longer ask whether the leads were reviewed.
 *
 * @param earlier the pause in force that it replaces; undefined: none
 */
export function replacedReason(earlier: DeliveryPause | undefined, pause: NewPause): string {
  if (earlier === undefined || !isRestorePause(earlier) || isRestorePause(pause)) return pause.reason;
  const [restoreReason] = earlier.reason.split(pausedAgain);
  return `${restoreReason}${pausedAgain}${pause.reason}`;
}

/**
 * Marks a store as restored from a backup: pauses the delivery of all lead types, then holds every scheduled lead. If
 * it is interrupted, nothing is delivered, and repeating it holds the rest. Leads that are held already are not
 * changed.
 */
export function markRestored(
  store: HeldLeads & DeliveryPauses,
  { backup, restoredAt }: Restore,
): Promise<HeldCount> {
  return holdEvery(store, `${restored}${backup ?? 'a backup'}`, 'in the backup', restoredAt);
}

/**
 * Marks a store as repaired without its log, as `markRestored` does: it is in a state of the past too.
 *
 * @param repairedAt milliseconds since 1970
 */
export function markRepaired(store: HeldLeads & DeliveryPauses, repairedAt: number): Promise<HeldCount> {
  return holdEvery(store, repaired, 'before', repairedAt);
}

/**
 * Pauses delivery, then holds every scheduled lead.
 *
 * @param event what happened to the store, for the reason of the pause
 * @param before when an earlier pause was made, such as `in the backup`; its reason is appended
 * @param at time of the event (ms since 1970)
 */
async function holdEvery(
  store: HeldLeads & DeliveryPauses,
  event: string,
  before: string,
  at: number,
): Promise<HeldCount> {
  const reason = `${event} at ${formatTime(at)}. ${review}${earlierReason(await store.pauses(), before)}`;
  await store.pauseDelivery({ type: undefined, by: 'operator', reason });
  const total = { leads: 0, mayHaveArrived: 0 };
  for (;;) {
    const { leads, mayHaveArrived } = await store.holdScheduled(at);
    if (leads === 0) return total;
    total.leads += leads;
    total.mayHaveArrived += mayHaveArrived;
  }
}

/** Returns the reason of an earlier pause as a sentence: an operator's pause has one reason only. Empty: none. */
function earlierReason(pauses: readonly DeliveryPause[], before: string): string {
  const earlier = pauses.find(({ type, by }) => type === undefined && by === 'operator');
  if (earlier === undefined || isRestorePause(earlier)) return '';
  return ` Delivery was paused ${before}: ${earlier.reason}`;
}
