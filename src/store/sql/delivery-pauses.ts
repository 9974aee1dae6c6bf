import type { DeliveryPause, DeliveryPauses, NewPause } from '../delivery-pauses.ts';
import { isRestorePause, replacedReason } from '../held-leads.ts';
import { audit } from './audit.ts';
import { type Change, run, type SqlDatabase } from './database.ts';
import { recordGap } from './delivery-gaps.ts';
import { recordEvidence } from './evidence/pending.ts';
import { namedType } from './lead-types.ts';
import { statement } from './statement.ts';
import { typeIdOf } from './type-name.ts';

/** Condition: whether no pause applies to the leads of `lead_type`. */
export const isUnpaused = withoutPause('');

/**
 * Condition: whether the leads of `lead_type` can be claimed: no pause applies to them, or the `retry_at` of each such
 * pause has been reached.
 *
 * @param now parameter or expression for the time (ms since 1970)
 */
export function isClaimable(now: string): string {
  return withoutPause(`AND (retry_at IS NULL OR retry_at > ${now})`);
}

/**
 * Condition: whether no pause that a dialler or its configuration has caused prevents what is done for the leads of
 * `lead_type`. An operator's pause does not matter.
 *
 * @param now parameter or expression for the time (ms since 1970)
 */
export function isDiallerUsable(now: string): string {
  return withoutPause(`AND paused_by = 'dialler' AND (retry_at IS NULL OR retry_at > ${now})`);
}

function withoutPause(condition: string): string {
  return `NOT EXISTS (SELECT 1 FROM delivery_pause WHERE type = '' ${condition})
  AND NOT EXISTS (SELECT 1 FROM delivery_pause WHERE type = lead_type.name ${condition})`;
}

/** Manages pauses of the delivery in a database. */
export function deliveryPauses(database: SqlDatabase): DeliveryPauses {
  return {
    pauses: async () => (await database.read(selectPauses)).map(deliveryPauseOf),
    pauseDelivery: (pause) => database.change(() => pauseDelivery(pause)),
    resumeDelivery: (type) => database.change(() => resumeDelivery(type)),
    endDiallerPause: (type) => database.change(() => endDiallerPause(type)),
  };
}

/** A row of the table `delivery_pause`, in which an empty type stands for all types. */
type DeliveryPauseRow = Omit<DeliveryPause, 'type' | 'retryAt'> & { type: string; retryAt: number | null };

const columns = 'type, paused_by AS "by", reason, paused_at AS since, retry_at AS "retryAt"';

const selectPauses = statement<DeliveryPauseRow>(
  'delivery_pauses',
  `SELECT ${columns} FROM delivery_pause ORDER BY type, paused_by`,
);

const insertPause = statement(
  'pause_delivery',
  `INSERT INTO delivery_pause (type, paused_by, reason, paused_at, retry_at) VALUES ($1, $2, $3, $4, $5)
   ON CONFLICT (type, paused_by) DO UPDATE SET reason = excluded.reason, retry_at = excluded.retry_at,
     paused_at = CASE excluded.paused_by WHEN 'operator' THEN excluded.paused_at ELSE delivery_pause.paused_at END
   WHERE excluded.paused_by = 'operator' OR delivery_pause.retry_at IS NOT NULL`,
);

function* pauseDelivery(pause: NewPause): Change<void> {
  const { type, by, retryAt } = pause;
  const name = type === undefined ? '' : (yield* namedType(type)).name;
  const reason = by === 'operator' ? yield* reasonOf(pause, name) : pause.reason;
  yield* run(insertPause, name, by, reason, Date.now(), retryAt ?? null);
  // The chain of evidence goes on from the backup, so it must show that it was restored.
  if (isRestorePause(pause)) {
    yield* recordEvidence({
      kind: 'restore',
      mobile: null,
      happenedAt: Date.now(),
      content: { reason: pause.reason },
    });
  }
  yield* audit({ kind: 'pause', id: name || null }, undefined, { by, reason });
}

function* reasonOf(pause: NewPause, name: string): Change<string> {
  const inForce = yield* run(selectPauses);
  const earlier = inForce.find(({ type, by }) => type === name && by === pause.by);
  return replacedReason(earlier && deliveryPauseOf(earlier), pause);
}

const deletePauses = statement<DeliveryPauseRow>(
  'resume_delivery',
  `DELETE FROM delivery_pause
   WHERE type = coalesce((SELECT lead_type.name FROM lead_type WHERE lead_type.id = ${typeIdOf('$1')}), $1)
   RETURNING ${columns}`,
);

function* resumeDelivery(type: string | undefined): Change<DeliveryPause[]> {
  const ended = (yield* run(deletePauses, type ?? '')).map(deliveryPauseOf);
  for (const { type, by, reason, since } of ended) {
    yield* recordGap(type, since, Date.now());
    yield* audit({ kind: 'pause', id: type ?? null }, { by, reason });
  }
  if (ended.length === 0) yield* audit({ kind: 'pause', id: type ?? null });
  return ended;
}

const deleteDiallerPause = statement<{ since: number }>(
  'end_dialler_pause',
  `DELETE FROM delivery_pause WHERE type = $1 AND paused_by = 'dialler' AND retry_at IS NOT NULL
   RETURNING paused_at AS since`,
);

function* endDiallerPause(type: string | undefined): Change<void> {
  for (const { since } of yield* run(deleteDiallerPause, type ?? '')) {
    yield* recordGap(type, since, Date.now());
  }
}

function deliveryPauseOf({ type, retryAt, ...pause }: DeliveryPauseRow): DeliveryPause {
  return { type: type === '' ? undefined : type, ...pause, ...(retryAt !== null && { retryAt }) };
}
