import { identifierBound } from '../../leads/identifier.ts';
import type { PersonDigests } from '../keys/person-digests.ts';
import type { ContactStep, Maintenance } from '../maintenance.ts';
import { stepSize } from '../steps.ts';
import { auditedByCommand } from './audit.ts';
import { type Change, run, type SqlDatabase } from './database.ts';
import type { Exclusion } from './exclusion.ts';
import { deleteRowsOfLeads } from './maintenance.ts';
import { statement } from './statement.ts';

/** Replaces old delivered leads by digests of their people. */
export function contactedPeople(
  database: SqlDatabase,
  digests: PersonDigests,
  exclusion: Exclusion = {},
): Pick<Maintenance, 'pruneContacts'> {
  return {
    async pruneContacts(before, after) {
      const page = await database.read(leadPage, after, identifierBound(before), stepSize);
      const ids = page.map(({ id }) => id);
      const found = await database.read(contactsAmong, ids, before);
      const next = page.length < stepSize ? undefined : page.at(-1)?.id;
      const contacts = found.flatMap((lead) => {
        const digest = digests.currentOf(lead.mobile);
        return digest === undefined ? [] : [{ ...lead, digest }];
      });
      const withoutKey = found.length - contacts.length;
      return database.change(() => replaceLeads(contacts, { withoutKey, next }, exclusion));
    },
  };
}

const leadPage = statement<{ id: string }>(
  'contact_page',
  'SELECT id FROM lead WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3',
);

/** Condition: whether a delivered lead is kept only so that its person is not called a second time. */
const isOnlyContact = `lead.state = 'dialled' AND lead.claim IS NULL
  AND NOT EXISTS (SELECT 1 FROM submission WHERE submission.id = lead.submission_id)
  AND NOT EXISTS (SELECT 1 FROM submission WHERE submission.lead_id = lead.id)
  AND NOT EXISTS (SELECT 1 FROM rerun WHERE rerun.lead_id = lead.id)
  AND NOT EXISTS (
    SELECT 1 FROM withdrawal
    WHERE withdrawal.lead_id = lead.id AND (withdrawal.outcome IS NULL OR withdrawal.outcome = 'failed'))`;

interface ContactedLead {
  id: string;
  mobile: string;
  typeId: number;
  dialledAt: number;
}

const contactsAmong = statement<ContactedLead>(
  'contacts_among',
  ({ inList }) => `
    SELECT id, mobile, type_id AS "typeId", dialled_at AS "dialledAt" FROM lead
    WHERE id ${inList('$1')} AND dialled_at < $2 AND ${isOnlyContact} ORDER BY id`,
);

const deleteContacts = statement<{ id: string }>(
  'delete_contacts',
  ({ inList }) => `DELETE FROM lead WHERE id ${inList('$1')} AND ${isOnlyContact} RETURNING id`,
);

/** In the order of the key, and each person once, so that a row is not changed twice. */
const insertContacts = statement(
  'insert_contacts',
  ({ records }) => `
    INSERT INTO contacted_person (digest, type_id, dialled_at)
    SELECT digest, type_id, max(dialled_at) FROM ${records('$1', {
      digest: 'text',
      type_id: 'bigint',
      dialled_at: 'bigint',
    })}
    WHERE true GROUP BY digest, type_id ORDER BY digest, type_id
    ON CONFLICT (digest, type_id) DO UPDATE SET dialled_at = CASE
      WHEN excluded.dialled_at > contacted_person.dialled_at THEN excluded.dialled_at
      ELSE contacted_person.dialled_at END`,
);

const deleteEndedContacts = statement(
  'delete_ended_contacts',
  `DELETE FROM contacted_person WHERE EXISTS (
     SELECT 1 FROM lead_type WHERE lead_type.id = contacted_person.type_id
       AND contacted_person.dialled_at + lead_type.recontact_after <= $1)`,
);

function* replaceLeads(
  found: readonly (ContactedLead & { digest: string })[],
  step: Omit<ContactStep, 'contacts'>,
  { excludeWriters }: Exclusion,
): Change<ContactStep> {
  // The first step of pruning has recorded the command.
  yield* auditedByCommand();
  let contacts = 0;
  if (found.length > 0) {
    // An add at the moment could refer to a lead that this removes.
    if (excludeWriters !== undefined) yield* excludeWriters();
    const ids = found.map(({ id }) => id);
    yield* deleteRowsOfLeads(ids);
    const deleted = new Set((yield* run(deleteContacts, ids)).map(({ id }) => id));
    const rows = found
      .filter(({ id }) => deleted.has(id))
      .map(({ digest, typeId, dialledAt }) => ({ digest, type_id: typeId, dialled_at: dialledAt }));
    yield* run(insertContacts, JSON.stringify(rows));
    contacts = deleted.size;
  }
  if (step.next === undefined) yield* run(deleteEndedContacts, Date.now());
  return { contacts, ...step };
}
