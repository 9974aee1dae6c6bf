import type { DeliveredLead, DuplicateChecks } from '../duplicate-checks.ts';
import { type Change, run, type SqlDatabase } from './database.ts';
import { dueLeadColumns, dueLeadJoins } from './due-lead.ts';
import { statement } from './statement.ts';

/** Implements the checks for duplicates. */
export function duplicateChecks(database: SqlDatabase): DuplicateChecks {
  return {
    deliveredAfterUnknown: ({ after, until }) => database.read(deliveredAfterUnknown, after, until),
    duplicatesCheckedUntil: async () => (await database.read(checkedUntil))[0]?.until,
    recordDuplicatesChecked: (until) => database.change(() => recordChecked(until)),
  };
}

/** The condition on the delivery is that of the index `lead_to_recheck`. */
const deliveredAfterUnknown = statement<DeliveredLead>(
  'delivered_after_unknown',
  `SELECT ${dueLeadColumns}, lead.dialled_at AS "dialledAt"
   FROM lead ${dueLeadJoins}
   WHERE lead.may_have_arrived AND lead.dialled_at IS NOT NULL AND lead.dialled_at > $1 AND lead.dialled_at <= $2
   ORDER BY lead.dialled_at`,
);

const checkedUntil = statement<{ until: number }>(
  'duplicates_checked_until',
  `SELECT ended_at AS until FROM maintenance_run WHERE name = 'duplicate-check'`,
);

const saveChecked = statement(
  'record_duplicates_checked',
  `INSERT INTO maintenance_run (name, ended_at) VALUES ('duplicate-check', $1)
   ON CONFLICT (name) DO UPDATE SET ended_at = excluded.ended_at WHERE maintenance_run.ended_at < excluded.ended_at`,
);

function* recordChecked(until: number): Change<void> {
  yield* run(saveChecked, until);
}
