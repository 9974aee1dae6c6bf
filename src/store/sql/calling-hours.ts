import type { CallingHoursSetting } from '../../leads/calling-hours/calling-hours.ts';
import { noCommonHours } from '../../leads/calling-hours/calling-hours.ts';
import type { CallingHoursOfTypes, PostponedLead, ScheduledLead } from '../calling-hours.ts';
import { stepSize } from '../steps.ts';
import { audit, auditedByCommand } from './audit.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { unlessExpired } from './due-lead.ts';
import { namedType } from './lead-types.ts';
import { statement } from './statement.ts';
import {
  auditedHours,
  type CallingHoursRow,
  callingHoursColumns,
  callingHoursOf,
  callingHoursValues,
} from './type-hours.ts';
import { typeIdOf } from './type-name.ts';

/** Manages the calling hours of lead types in a database. */
export function callingHours(database: SqlDatabase): CallingHoursOfTypes {
  return {
    callingHours: async () =>
      (await database.read(hoursByName)).map(({ name, ...row }) => ({
        name,
        callingHours: callingHoursOf(row),
      })),
    setCallingHours: (type, setting) => database.change(() => setCallingHours(type, setting)),
    reconsiderWaiting: (type, now) => database.change(() => reconsiderWaiting(type, now)),
    scheduledLeads: (type, { id, nextAttemptAt }) =>
      database.read(scheduledLeads, type, nextAttemptAt, id, stepSize),
    postponeScheduled: (leads, since) => database.change(() => postponeScheduled(leads, since)),
  };
}

const hoursByName = statement<CallingHoursRow & { name: string }>(
  'calling_hours',
  `SELECT lead_type.name, ${callingHoursColumns} FROM lead_type
   UNION ALL
   SELECT type_alias.name, ${callingHoursColumns}
   FROM type_alias JOIN lead_type ON lead_type.id = type_alias.type_id`,
);

const hoursOfType = statement<CallingHoursRow>(
  'calling_hours_of_type',
  `SELECT ${callingHoursColumns} FROM lead_type WHERE id = $1`,
);

const updateHours = statement(
  'set_calling_hours',
  `UPDATE lead_type SET calling_hours = $1, calling_zone = $2, calling_country = $3, holidays = $4 WHERE id = $5`,
);

function* setCallingHours(type: string, setting: CallingHoursSetting): Change<void> {
  const { id, name } = yield* namedType(type);
  const row = yield* firstRow(hoursOfType, id);
  yield* run(updateHours, ...callingHoursValues(setting), id);
  const before = row === undefined ? null : callingHoursOf(row);
  yield* audit({ kind: 'type', id: name }, auditedHours(before), auditedHours(setting));
}

const waitingLeads = statement<{ id: string }>(
  'waiting_for_hours',
  ({ lock }) => `
    SELECT id FROM lead
    WHERE state = 'scheduled' AND waits_for IS NOT NULL AND waits_for IN ('calling-hours', '${noCommonHours}')
      AND type_id = $1 AND next_attempt_at > $2
    ORDER BY next_attempt_at, id LIMIT $3 ${lock('lead')}`,
);

/** The requested time: that of the submission, unless the lead was due before the hours delayed it. */
const requestedAt = `(
  SELECT submission.received_at + submission.delays * CAST(1000 AS bigint)
  FROM submission WHERE submission.id = lead.submission_id)`;

const makeDue = statement(
  'reconsider_waiting',
  ({ inList }) => `
    UPDATE lead SET waits_for = NULL,
      next_attempt_at = CASE WHEN ${requestedAt} > $2 THEN ${requestedAt} ELSE $2 END,
      due_at = CASE WHEN due_at < $2 THEN due_at WHEN ${requestedAt} > $2 THEN ${requestedAt} ELSE $2 END
    WHERE id ${inList('$1')} AND state = 'scheduled' AND claim IS NULL`,
);

function* reconsiderWaiting(type: string, now: number): Change<number> {
  // The command has recorded the new hours.
  yield* auditedByCommand();
  const { id } = yield* namedType(type);
  const ids = (yield* run(waitingLeads, id, now, stepSize)).map((lead) => lead.id);
  yield* run(makeDue, ids, now);
  return ids.length;
}

/** Whether a lead is scheduled without an attempt, and waits for nothing but its time. */
const isUntouched = `lead.state = 'scheduled' AND lead.claim IS NULL AND lead.attempts = 0 AND lead.waits_for IS NULL`;

/** The first condition on the time lets both databases search the index of scheduled leads. */
const scheduledLeads = statement<ScheduledLead>(
  'leads_to_postpone',
  `SELECT lead.id, lead.mobile, submission.content, lead.next_attempt_at AS "nextAttemptAt"
   FROM lead JOIN submission ON submission.id = lead.submission_id
   WHERE lead.type_id = ${typeIdOf('$1')} AND ${isUntouched}
     AND lead.next_attempt_at >= $2 AND (lead.next_attempt_at > $2 OR lead.id > $3)
   ORDER BY lead.next_attempt_at, lead.id LIMIT $4`,
);

const postponeLeads = statement<{ id: string }>('postpone_scheduled', ({ records, inQuery, lock }) => {
  const sent = records('$1', {
    id: 'text',
    next_attempt_at: 'bigint',
    opens_at: 'bigint',
    waits_for: 'text',
  });
  return `
    UPDATE lead SET next_attempt_at = ${unlessExpired('postponed.opens_at')}, waits_for = postponed.waits_for,
      due_at = CASE WHEN lead.due_at >= $2 THEN ${unlessExpired('postponed.opens_at')} ELSE lead.due_at END
    FROM (SELECT id, opens_at, waits_for FROM ${sent}) AS postponed
    WHERE lead.id = postponed.id AND lead.id ${inQuery(`
      SELECT lead.id FROM ${sent} JOIN lead ON lead.id = sent.id
      WHERE ${isUntouched} AND lead.next_attempt_at = sent.next_attempt_at ORDER BY lead.id ${lock('lead')}`)}
    RETURNING lead.id`;
});

function* postponeScheduled(leads: readonly PostponedLead[], since: number): Change<number> {
  // As in `reconsiderWaiting`.
  yield* auditedByCommand();
  const rows = leads.map(({ id, nextAttemptAt, opensAt, waitsFor }) => ({
    id,
    next_attempt_at: nextAttemptAt,
    opens_at: opensAt,
    waits_for: waitsFor,
  }));
  return (yield* run(postponeLeads, JSON.stringify(rows), since)).length;
}
