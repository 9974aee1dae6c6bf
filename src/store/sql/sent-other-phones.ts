import type { SentOtherPhone, SentOtherPhones } from '../sent-other-phones.ts';
import type { LeadNumber } from '../suppressions.ts';
import { auditedByCommand } from './audit.ts';
import { type Change, run, type SqlDatabase } from './database.ts';
import { statement } from './statement.ts';

/** Keeps the other phone numbers of leads that are sent to the dialler in a database. */
export function sentOtherPhones(database: SqlDatabase): SentOtherPhones {
  return {
    async recordOtherPhones(sent) {
      const withNumber = sent.flatMap(({ leadId, mobile }) =>
        mobile === undefined ? [] : [{ leadId, mobile }],
      );
      const without = sent.filter(({ mobile }) => mobile === undefined).map(({ leadId }) => leadId);
      const recorded = without.length === 0 ? [] : await database.read(recordedAmong, without);
      if (withNumber.length + recorded.length === 0) return [];
      const ids = recorded.map(({ leadId }) => leadId);
      return database.change(() => record(withNumber, ids));
    },
  };
}

const recordedAmong = statement<Pick<SentOtherPhone, 'leadId'>>(
  'sent_other_phones_among',
  ({ inList }) => `SELECT lead_id AS "leadId" FROM sent_other_phone WHERE lead_id ${inList('$1')}`,
);

const deleteUnsent = statement(
  'delete_unsent_other_phones',
  ({ inList }) => `
    DELETE FROM sent_other_phone WHERE lead_id ${inList('$1')} AND NOT EXISTS (
      SELECT 1 FROM lead WHERE lead.id = sent_other_phone.lead_id AND lead.may_have_arrived)`,
);

/** Condition: whether the number of a row is in the do-not-call list for the type of its lead. */
const isBlocked = `EXISTS (
    SELECT 1 FROM suppression WHERE suppression.mobile = sent.mobile
      AND suppression.type_id IN (0, (SELECT type_id FROM lead WHERE lead.id = sent.lead_id)))`;

const columns = { lead_id: 'text', mobile: 'text' } as const;

/** In the order of the key, so that two servers cannot deadlock. */
const insertSent = statement(
  'insert_sent_other_phones',
  ({ records }) => `
    INSERT INTO sent_other_phone (lead_id, mobile)
    SELECT lead_id, mobile FROM ${records('$1', columns)} WHERE NOT ${isBlocked} ORDER BY lead_id
    ON CONFLICT (lead_id) DO UPDATE SET mobile = excluded.mobile`,
);

const blockedAmong = statement<LeadNumber>(
  'blocked_other_phones',
  ({ records }) => `
    SELECT lead_id AS "leadId", mobile FROM ${records('$1', columns)} WHERE ${isBlocked}`,
);

function* record(sent: readonly LeadNumber[], unsent: readonly string[]): Change<LeadNumber[]> {
  // `leads due --take` has recorded what it does.
  yield* auditedByCommand();
  const rows = JSON.stringify(sent.map(({ leadId, mobile }) => ({ lead_id: leadId, mobile })));
  yield* run(insertSent, rows);
  const blocked = yield* run(blockedAmong, rows);
  yield* run(deleteUnsent, [...unsent, ...blocked.map(({ leadId }) => leadId)]);
  return [...blocked];
}
