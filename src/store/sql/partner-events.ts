import { randomBytes } from 'node:crypto';
import type { CallResult } from '../../leads/call-result.ts';
import type { LeadEvent } from '../../leads/lead-event.ts';
import {
  type EventPage,
  type EventPosition,
  type EventRequest,
  idEndLength,
  type PartnerEvents,
} from '../partner-events.ts';
import { stepSize } from '../steps.ts';
import { auditedByCommand } from './audit.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { statement } from './statement.ts';

/** Keeps the events of partners in a database. */
export function partnerEvents(database: SqlDatabase): PartnerEvents {
  return {
    partnerEvents: (request) => readEvents(database, request),
    deletePartnerEvents: (before) => database.change(() => deleteEvents(before)),
  };
}

const insertResult = statement(
  'insert_result_event',
  `INSERT INTO partner_event (
     id, partner_id, lead_id, type_id, kind, state, result, called_at, occurred_at, next_attempt_at)
   SELECT $2, partner_id, id, type_id, 'lead.result', state, $3, $4, $5, (
     SELECT CAST($5 AS bigint) FROM partner_webhook WHERE partner_webhook.partner_id = lead.partner_id)
   FROM lead WHERE id = $1`,
);

/** Records the result of a call as an event. The changes of a lead's state are recorded by a trigger of the database. */
export function* recordResultEvent(
  leadId: string,
  result: CallResult,
  calledAt: number,
  receivedAt: number,
): Change<void> {
  const id = `${idBound(Date.now())}${randomBytes(8).toString('hex')}`;
  yield* run(insertResult, leadId, id, result, calledAt, receivedAt);
}

/** Returns a text that sorts after the ids of events from before a time, and before all others. */
function idBound(time: number): string {
  return `evt_${time.toString(16).padStart(12, '0')}`;
}

interface EventRow extends LeadEvent {
  sequence: number;
}

/** Columns of a `LeadEvent`. The name of a lead type is the current one. */
export const eventColumns = `partner_event.id, partner_event.kind, partner_event.lead_id AS "leadId", lead_type.name AS type,
  partner_event.state, partner_event.result, partner_event.called_at AS "calledAt",
  partner_event.occurred_at AS "occurredAt"`;

const eventsAfter = statement<EventRow>(
  'partner_events_after',
  `SELECT ${eventColumns}, partner_event.sequence
   FROM partner_event JOIN lead_type ON lead_type.id = partner_event.type_id
   WHERE partner_event.partner_id = $1 AND partner_event.sequence > $2 ORDER BY partner_event.sequence LIMIT $3`,
);

const hasUnread = statement<{ ordinal: number }>(
  'has_unread_events',
  'SELECT ordinal FROM partner_event WHERE partner_id = $1 AND sequence IS NULL LIMIT 1',
);

/** The positions of a partner, and the id of the event at one of them, if it is stored. */
const positions = statement<{ last: number; removed: number; id: string | null }>(
  'event_positions',
  `SELECT last_sequence AS last, removed_sequence AS removed, (
     SELECT id FROM partner_event WHERE partner_id = $1 AND sequence = $2) AS id
   FROM event_position WHERE partner_id = $1`,
);

async function readEvents(
  database: SqlDatabase,
  { partnerId, after, limit }: EventRequest,
): Promise<EventPage | undefined> {
  // One more than the limit shows whether there are more.
  const read = () => database.read(eventsAfter, partnerId, after?.sequence ?? 0, limit + 1);
  let rows = await read();
  if (rows.length <= limit && (await database.read(hasUnread, partnerId)).length > 0) {
    await database.change(() => numberEvents(partnerId, limit + 1));
    rows = await read();
  }
  // After the events, so that one that was removed just before they were read is noticed.
  const [known = { last: 0, removed: 0, id: null }] = await database.read(
    positions,
    partnerId,
    after?.sequence ?? 0,
  );
  if (after !== undefined && !isKnown(after, known)) return undefined;
  const events = rows.slice(0, limit);
  const last = events.at(-1);
  const next =
    last === undefined
      ? (after ?? { sequence: known.removed, idEnd: undefined })
      : { sequence: last.sequence, idEnd: last.id.slice(-idEndLength) };
  return { events: events.map(({ sequence: _, ...event }) => event), next, more: rows.length > limit };
}

/** Whether a position is one of this store, and no event after it was removed because of its age. */
function isKnown(
  { sequence, idEnd }: EventPosition,
  { last, removed, id }: { last: number; removed: number; id: string | null },
): boolean {
  const isSameEvent = idEnd === undefined || id === null || id.endsWith(idEnd);
  return sequence >= removed && sequence <= last && isSameEvent;
}

/** Locks the positions of a partner until the transaction ends, and returns the last one. */
const lockPositions = statement<{ last: number }>(
  'lock_event_positions',
  `INSERT INTO event_position (partner_id, last_sequence, removed_sequence) VALUES ($1, 0, 0)
   ON CONFLICT (partner_id) DO UPDATE SET last_sequence = event_position.last_sequence
   RETURNING last_sequence AS last`,
);

/** A second transaction waits for the first one, and then numbers what has been committed meanwhile. */
const numberUnread = statement<{ sequence: number }>(
  'number_events',
  `UPDATE partner_event SET sequence = numbered.sequence
   FROM (
     SELECT ordinal, $2 + row_number() OVER (ORDER BY ordinal) AS sequence FROM (
       SELECT ordinal FROM partner_event WHERE partner_id = $1 AND sequence IS NULL ORDER BY ordinal LIMIT $3) AS unread
   ) AS numbered
   WHERE partner_event.ordinal = numbered.ordinal RETURNING partner_event.sequence`,
);

const setLast = statement(
  'set_last_event',
  'UPDATE event_position SET last_sequence = $2 WHERE partner_id = $1',
);

/** Assigns positions to events of a partner that have none. */
function* numberEvents(partnerId: number, limit: number): Change<void> {
  yield* auditedByCommand();
  const locked = yield* firstRow(lockPositions, partnerId);
  const start = locked?.last ?? 0;
  const numbered = yield* run(numberUnread, partnerId, start, limit);
  if (numbered.length > 0) yield* run(setLast, partnerId, start + numbered.length);
}

const partnersOfOldEvents = statement<{ partnerId: number }>(
  'partners_of_old_events',
  `SELECT DISTINCT partner_id AS "partnerId" FROM (
     SELECT partner_id FROM partner_event WHERE id < $1 ORDER BY id LIMIT $2) AS old ORDER BY 1`,
);

const deleteOldEvents = statement<{ partnerId: number; sequence: number | null }>(
  'delete_old_events',
  ({ inQuery }) => `
    DELETE FROM partner_event WHERE ordinal ${inQuery('SELECT ordinal FROM partner_event WHERE id < $1 ORDER BY id LIMIT $2')}
    RETURNING partner_id AS "partnerId", sequence`,
);

/** An event that was never read takes a position, so that a partner with an older one learns that it missed an event. */
const setRemoved = statement(
  'set_removed_events',
  `UPDATE event_position SET last_sequence = last_sequence + $2,
     removed_sequence = CASE WHEN $2 > 0 THEN last_sequence + $2 WHEN removed_sequence < $3 THEN $3 ELSE removed_sequence END
   WHERE partner_id = $1`,
);

/** Locks positions before events, as `numberEvents` does, so that the two cannot deadlock. */
function* deleteEvents(before: number): Change<number> {
  yield* auditedByCommand();
  const bound = idBound(before);
  const partners = yield* run(partnersOfOldEvents, bound, stepSize);
  for (const { partnerId } of partners) yield* run(lockPositions, partnerId);
  const deleted = yield* run(deleteOldEvents, bound, stepSize);
  const removed = new Map<number, { unread: number; last: number }>();
  for (const { partnerId, sequence } of deleted) {
    const counts = removed.get(partnerId) ?? { unread: 0, last: 0 };
    if (sequence === null) counts.unread += 1;
    else counts.last = Math.max(counts.last, sequence);
    removed.set(partnerId, counts);
  }
  for (const [partnerId, { unread, last }] of removed) yield* run(setRemoved, partnerId, unread, last);
  return deleted.length;
}
