import { fingerprintsOf } from '../../leads/idempotency.ts';
import { phoneDigits } from '../../leads/phone.ts';
import type { PersonDigests } from '../keys/person-digests.ts';
import type { StoreKey } from '../keys/store-key.ts';
import { inPages } from '../pages.ts';
import type {
  DeliveryState,
  Erasure,
  ErasureResult,
  People,
  PersonalRows,
  PersonKey,
  SentNumber,
} from '../people.ts';
import { type PersonalData, type Table, type TableValue, tablesToCopy } from '../tables.ts';
import { audit, auditedBefore } from './audit.ts';
import { type Change, run, type SqlDatabase } from './database.ts';
import { rewindChain } from './evidence/chain.ts';
import { removeEvidenceOf } from './evidence/removal.ts';
import { attemptId } from './evidence/sources.ts';
import { nextEndedOrder } from './lead-order.ts';
import { isDigest, isDigestInRegistry } from './person-digests.ts';
import { sentFor } from './sent-for.ts';
import { type SqlDialect, type SqlStatement, type SqlValue, statement } from './statement.ts';
import { digestEntriesOf } from './suppression-digests.ts';
import { withdrawLeads } from './withdrawals/begin.ts';

/** What a store contributes to erasing people. */
export interface Exclusion {
  /** Waits for the intake, cancellations, re-runs and pruning in progress, and makes later ones wait. */
  excludeWriters?(): Change<void>;
}

/** Exports and erases people in a database. */
export function people(
  database: SqlDatabase,
  digests: PersonDigests,
  { excludeWriters }: Exclusion = {},
): People {
  const exclusive = <Result>(begin: () => Change<Result>) =>
    database.change(function* () {
      if (excludeWriters !== undefined) yield* excludeWriters();
      return yield* begin();
    });
  const allRows = Number.MAX_SAFE_INTEGER;
  const sent = (page: SqlStatement<SentNumber>) =>
    inPages<SentNumber>(allRows, (last, size) => database.read(page, last?.id ?? '', size));
  return {
    submissionsWithOtherPhone: () => sent(otherPhonePage),
    sentNumbers: () => sent(sentPage),
    leadNumbers: () =>
      inPages<{ id: string; mobile: string }>(allRows, (last, size) =>
        database.read(leadPage, last?.id ?? '', size),
      ),
    listedMobiles: () =>
      inPages<{ mobile: string }>(allRows, (last, size) =>
        database.read(listedPage, last?.mobile ?? '', size),
      ),
    personalRows: (person, ofPerson) => personalRows(database, person, ofPerson),
    namesById: async () => ({
      partners: namesIn(await database.read(partnerNames)),
      types: namesIn(await database.read(typeNames)),
    }),
    stopDelivery: (person, isWithdrawing) => exclusive(() => stopDelivery(person, isWithdrawing)),
    deliveryState: (person) => deliveryState(database, person),
    erasePerson: (person, erasure, key) =>
      exclusive(() => erasePerson(person, erasure, digests.of(person.mobile), key)),
    erasures: () => erasures(database),
    erasuresOf: (ofPerson) => database.read(erasuresOf, ofPerson),
    recordErasures: (recorded) => database.change(() => recordErasures(recorded)),
  };
}

const sentColumns = 'id, kind, mobile, content';

const sentPage = statement<SentNumber>(
  'sent_page',
  `SELECT ${sentColumns} FROM submission WHERE id > $1 ORDER BY id LIMIT $2`,
);

/** An encoder may have escaped the name of the field. */
const otherPhonePage = statement<SentNumber>(
  'other_phone_page',
  `SELECT ${sentColumns} FROM submission
   WHERE id > $1 AND kind = 'add' AND (content LIKE '%other_phone%' OR content LIKE '%\\u%') ORDER BY id LIMIT $2`,
);

const leadPage = statement<{ id: string; mobile: string }>(
  'lead_number_page',
  'SELECT id, mobile FROM lead WHERE id > $1 ORDER BY id LIMIT $2',
);

/** The limits inside let each list be read by its key, one page at a time. */
const listedPage = statement<{ mobile: string }>(
  'listed_number_page',
  `SELECT mobile FROM (
     SELECT mobile FROM (
       SELECT DISTINCT mobile FROM suppression WHERE mobile > $1 AND NOT ${isDigest} ORDER BY mobile LIMIT $2) AS suppressed
     UNION SELECT mobile FROM (
       SELECT DISTINCT mobile FROM registry_entry
       WHERE mobile > $1 AND NOT ${isDigestInRegistry} ORDER BY mobile LIMIT $2) AS registered) AS listed
   ORDER BY mobile LIMIT $2`,
);

interface PersonLead {
  id: string;
  isClaimed: boolean;
  /** Whether leads of its type are withdrawn from the dialler. */
  isTypeWithdrawn: boolean;
  /** Whether the dialler has it, or may have it. */
  mayBeAtDialler: boolean;
}

/** The leads for the number, and those that the other submissions have created. */
const leadsOfPerson = statement<PersonLead>(
  'leads_of_person',
  ({ lock, inList, inQuery }) => `
    SELECT id, claim IS NOT NULL AS "isClaimed",
      (SELECT withdraws FROM lead_type WHERE lead_type.id = lead.type_id) AS "isTypeWithdrawn",
      (state = 'dialled' OR may_have_arrived) AND NOT EXISTS (
        SELECT 1 FROM withdrawal WHERE withdrawal.lead_id = lead.id AND withdrawal.outcome = 'withdrawn')
      OR EXISTS (
        SELECT 1 FROM withdrawal WHERE withdrawal.lead_id = lead.id AND (withdrawal.repeat_at IS NOT NULL
          OR withdrawal.outcome IS NULL AND lead.state IN ('cancelled', 'suppressed')))
        AS "mayBeAtDialler"
    FROM lead
    WHERE accepted_at <= $3 AND id ${inQuery(`
      SELECT lead.id FROM lead WHERE lead.mobile = $1
      UNION ALL SELECT lead.id FROM submission JOIN lead ON lead.id = submission.lead_id
        WHERE submission.id ${inList('$2')} AND lead.submission_id = submission.id
      UNION ALL SELECT lead.id FROM rerun JOIN lead ON lead.id = rerun.lead_id
        WHERE rerun.submission_id ${inList('$2')} AND lead.submission_id = rerun.submission_id`)}
    ORDER BY id ${lock('lead')}`,
  { isClaimed: true, isTypeWithdrawn: true, mayBeAtDialler: true },
);

interface PersonSubmission {
  id: string;
  kind: 'add' | 'cancel';
  content: string;
}

/** Condition: whether a submission was received in time, and has not created a lead later. */
const isInTime = `
  submission.received_at <= $3 AND NOT EXISTS (
    SELECT 1 FROM lead AS later
    WHERE later.id = submission.lead_id AND later.submission_id = submission.id AND later.accepted_at > $3)`;

const submissionsOfPerson = statement<PersonSubmission>(
  'submissions_of_person',
  (dialect) => `
    SELECT id, kind, content FROM submission WHERE ${sentFor('$1', dialect)} AND ${isInTime}
    UNION SELECT id, kind, content FROM submission WHERE id ${dialect.inList('$2')} AND ${isInTime}`,
);

/** Returns the values of the parameters of both statements. */
function keyValues({ mobile, otherSubmissions, receivedUntil }: PersonKey): SqlValue[] {
  return [mobile, otherSubmissions, receivedUntil ?? Number.MAX_SAFE_INTEGER];
}

/** What identifies the rows of a person. */
interface Scope extends PersonKey {
  leadIds: readonly string[];
  submissionIds: readonly string[];
  /** Fingerprints of the requests of the submissions. */
  fingerprints: readonly string[];
  digests: readonly string[];
}

function scopeOf(
  person: PersonKey,
  leads: readonly PersonLead[],
  submissions: readonly PersonSubmission[],
  digests: readonly string[],
): Scope {
  return {
    ...person,
    leadIds: leads.map(({ id }) => id),
    submissionIds: submissions.map(({ id }) => id),
    fingerprints: submissions.flatMap(({ kind, content }) =>
      fingerprintsOf(kind === 'add' ? 'addLead' : 'cancelLead', content),
    ),
    digests,
  };
}

/** Condition on the rows of a table that belong to a person. Its parameters are those of `valuesFor`. */
function personCondition(
  { by, column, otherColumn, timeColumn }: PersonalData,
  { inList }: SqlDialect,
): string {
  const isListed = `${column} ${inList('$1')}`;
  if (otherColumn !== undefined) return `(${column} = $1 OR ${otherColumn} = $1)`;
  if (by === 'mobile') return `${column} = $1`;
  // The partner has chosen the key, which may contain the number.
  if (by === 'request') return `(${isListed} OR fingerprint ${inList('$2')} OR idempotency_key LIKE $3)`;
  return timeColumn === undefined ? isListed : `(${isListed} AND ${timeColumn} <= $2)`;
}

function valuesFor({ by, timeColumn }: PersonalData, scope: Scope): readonly SqlValue[] {
  const {
    mobile,
    receivedUntil = Number.MAX_SAFE_INTEGER,
    leadIds,
    submissionIds,
    fingerprints,
    digests,
  } = scope;
  switch (by) {
    case 'lead':
      return [leadIds];
    case 'submission':
      return [submissionIds];
    case 'digest':
      return timeColumn === undefined ? [digests] : [digests, receivedUntil];
    case 'mobile-or-digest':
      return [[mobile, ...digests]];
    case 'mobile':
      return [mobile];
    case 'request':
      return [leadIds, fingerprints, `%${phoneDigits(mobile, 'significant').digits}%`];
  }
}

/** The tables with personal data, each after those that it refers to. */
const personalTables = tablesToCopy.flatMap(({ personal, ...table }) =>
  personal === 'none' ? [] : [{ ...table, personal }],
);

type PersonalTable = (typeof personalTables)[number];

/** Returns a statement on a person's rows of a table. Its text depends on the table, so it has no name. */
function onRowsOf<Row extends object>(
  { personal }: PersonalTable,
  textFor: (where: string) => string,
): SqlStatement<Row> {
  return { name: '', textIn: (dialect) => textFor(personCondition(personal, dialect)), booleans: [] };
}

async function personalRows(
  database: SqlDatabase,
  person: PersonKey,
  digests: readonly string[],
): Promise<PersonalRows[]> {
  const leads = await database.read(leadsOfPerson, ...keyValues(person));
  const submissions = await database.read(submissionsOfPerson, ...keyValues(person));
  const scope = scopeOf(person, leads, submissions, digests);
  const found: PersonalRows[] = [];
  for (const table of personalTables) {
    const key = table.columns.slice(0, table.keyLength).join(', ');
    const select = onRowsOf<Record<string, TableValue>>(
      table,
      (where) => `SELECT ${columnsOf(table)} FROM ${table.name} WHERE ${where} ORDER BY ${key}`,
    );
    found.push({ table: table.name, rows: await database.read(select, ...valuesFor(table.personal, scope)) });
  }
  return found;
}

function columnsOf({ columns, booleans = [] }: Pick<Table, 'columns' | 'booleans'>): string {
  return columns
    .map((column) => (booleans.includes(column) ? `CAST(${column} AS integer) AS ${column}` : column))
    .join(', ');
}

interface Named {
  id: number;
  name: string;
}

const partnerNames = statement<Named>('partner_names', 'SELECT id, name FROM partner');
const typeNames = statement<Named>('type_names', 'SELECT id, name FROM lead_type');

function namesIn(rows: readonly Named[]): ReadonlyMap<number, string> {
  return new Map(rows.map(({ id, name }) => [id, name]));
}

const cancelWaiting = statement<{ id: string }>(
  'cancel_waiting',
  ({ inList }) => `
    UPDATE lead SET state = 'cancelled', cancelled_at = $2,
      ended_order = CASE lead.ended_order WHEN 0 THEN ${nextEndedOrder} ELSE lead.ended_order END
    WHERE id ${inList('$1')} AND claim IS NULL AND state IN ('scheduled', 'held') RETURNING id`,
);

function* stopDelivery(person: PersonKey, isWithdrawing: boolean): Change<DeliveryState> {
  const leads = yield* run(leadsOfPerson, ...keyValues(person));
  const ids = leads.map(({ id }) => id);
  const atDialler = leads.filter(
    ({ isTypeWithdrawn, isClaimed, mayBeAtDialler }) => isTypeWithdrawn && (isClaimed || mayBeAtDialler),
  );
  if (isWithdrawing)
    yield* withdrawLeads(
      atDialler.map(({ id }) => id),
      'erasure',
    );
  const cancelled = yield* run(cancelWaiting, ids, Date.now());
  for (const { id } of cancelled) yield* audit({ kind: 'lead', id }, undefined, { action: 'cancelled' });
  yield* auditedBefore();
  return stateOf(leads, yield* run(unfinishedWithdrawals, ids));
}

interface UnfinishedWithdrawal {
  id: string;
  isRepeat: boolean;
}

const unfinishedWithdrawals = statement<UnfinishedWithdrawal>(
  'unfinished_withdrawals_of',
  ({ inList }) => `
    SELECT lead_id AS id, outcome IS NOT NULL AS "isRepeat" FROM withdrawal
    WHERE lead_id ${inList('$1')} AND (outcome IS NULL OR repeat_at IS NOT NULL) ORDER BY lead_id`,
  { isRepeat: true },
);

function stateOf(leads: readonly PersonLead[], withdrawals: readonly UnfinishedWithdrawal[]): DeliveryState {
  return {
    inFlight: leads.filter(({ isClaimed }) => isClaimed).map(({ id }) => id),
    withdrawing: withdrawals.filter(({ isRepeat }) => !isRepeat).map(({ id }) => id),
    repeating: withdrawals.filter(({ isRepeat }) => isRepeat).map(({ id }) => id),
  };
}

async function deliveryState(database: SqlDatabase, person: PersonKey): Promise<DeliveryState> {
  const leads = await database.read(leadsOfPerson, ...keyValues(person));
  const ids = leads.map(({ id }) => id);
  return stateOf(leads, await database.read(unfinishedWithdrawals, ids));
}

/** Other people's submissions can refer to a lead that an erased submission has created. */
const detachSubmissions = statement(
  'detach_submissions',
  ({ inList }) =>
    `UPDATE submission SET lead_id = NULL WHERE lead_id ${inList('$1')} AND NOT id ${inList('$2')}`,
);

const detachReruns = statement(
  'detach_reruns',
  ({ inList }) => `
    UPDATE rerun SET lead_id = NULL WHERE lead_id ${inList('$1')} AND NOT submission_id ${inList('$2')}`,
);

const insertErasure = statement(
  'insert_erasure',
  `INSERT INTO erasure (digest, erased_at, key_id, evidence_reason) VALUES ($1, $2, $3, $4)
   ON CONFLICT (digest, erased_at) DO NOTHING`,
);

const missingEvidence = statement(
  'missing_evidence_of',
  ({ inList }) => `
    SELECT 1 FROM submission WHERE id ${inList('$1')} AND NOT EXISTS (
      SELECT 1 FROM evidence WHERE evidence.source = 'submission' AND evidence.source_id = submission.id)
    UNION ALL SELECT 1 FROM attempt WHERE lead_id ${inList('$2')} AND NOT EXISTS (
      SELECT 1 FROM evidence WHERE evidence.source = 'attempt' AND evidence.source_id = ${attemptId})
    UNION ALL SELECT 1 FROM evidence_pending WHERE mobile = $3
    LIMIT 1`,
);

/** Returns whether rows that are about to be erased are not in the chain of evidence yet. */
function* isEvidenceMissing({ submissionIds, leadIds, mobile }: Scope): Change<boolean> {
  return (yield* run(missingEvidence, submissionIds, leadIds, mobile)).length > 0;
}

const deletePendingOf = statement('delete_pending_of', 'DELETE FROM evidence_pending WHERE mobile = $1');

function* erasePerson(
  person: PersonKey,
  erasure: Erasure,
  digests: readonly string[],
  storeKey: StoreKey | undefined,
): Change<ErasureResult> {
  const leads = yield* run(leadsOfPerson, ...keyValues(person));
  const inFlight = leads.filter(({ isClaimed }) => isClaimed).map(({ id }) => id);
  if (inFlight.length > 0) return { inFlight, isEvidenceMissing: false, atDialler: [], erased: {} };
  const submissions = yield* run(submissionsOfPerson, ...keyValues(person));
  const scope = scopeOf(person, leads, submissions, [erasure.digest, ...digests]);
  const reason = erasure.evidenceReason;
  if (reason === null && (yield* isEvidenceMissing(scope))) {
    return { inFlight, isEvidenceMissing: true, atDialler: [], erased: {} };
  }
  yield* run(detachSubmissions, scope.leadIds, scope.submissionIds);
  yield* run(detachReruns, scope.leadIds, scope.submissionIds);
  const erased: Record<string, number> = {};
  for (const table of personalTables.toReversed()) {
    if (table.personal.erased !== 'deleted') continue;
    const [key] = table.columns;
    const deleteRows = onRowsOf(
      table,
      (where) => `DELETE FROM ${table.name} WHERE ${where} RETURNING ${key}`,
    );
    erased[table.name] = (yield* run(deleteRows, ...valuesFor(table.personal, scope))).length;
  }
  yield* digestEntriesOf(person, erasure.digest);
  yield* rewindChain();
  if (reason !== null) {
    // After an earlier erasure, evidence was recorded under the digest.
    for (const number of new Set([person.mobile, erasure.digest, ...digests])) {
      yield* run(deletePendingOf, number);
      yield* removeEvidenceOf(number, reason, storeKey);
    }
  }
  yield* recordErasures([erasure]);
  yield* audit({ kind: 'person', id: erasure.digest }, undefined, { erased: true, evidence_reason: reason });
  const atDialler = leads.filter(({ mayBeAtDialler }) => mayBeAtDialler).map(({ id }) => id);
  return { inFlight, isEvidenceMissing: false, atDialler, erased };
}

const deleteContact = statement(
  'delete_contact',
  'DELETE FROM contacted_person WHERE digest = $1 AND dialled_at <= $2',
);

function* recordErasures(recorded: readonly Erasure[]): Change<void> {
  for (const { digest, erasedAt, keyId, evidenceReason } of recorded) {
    yield* run(insertErasure, digest, erasedAt, keyId, evidenceReason);
    // A restored store may contain nothing else of the person, so that nobody is found to erase.
    yield* run(deleteContact, digest, erasedAt);
  }
}

const erasuresOf = statement<Erasure>(
  'erasures_of',
  ({ inList }) => `
    SELECT digest, erased_at AS "erasedAt", key_id AS "keyId", evidence_reason AS "evidenceReason" FROM erasure
    WHERE digest ${inList('$1')} ORDER BY erased_at, digest`,
);

const erasurePage = statement<Erasure>(
  'erasures',
  `SELECT digest, erased_at AS "erasedAt", key_id AS "keyId", evidence_reason AS "evidenceReason" FROM erasure
   WHERE (digest, erased_at) > ($1, $2) ORDER BY digest, erased_at LIMIT $3`,
);

function erasures(database: SqlDatabase): AsyncGenerator<Erasure> {
  return inPages<Erasure>(Number.MAX_SAFE_INTEGER, (last, size) =>
    database.read(erasurePage, last?.digest ?? '', last?.erasedAt ?? 0, size),
  );
}
