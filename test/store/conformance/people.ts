/** The rights of people: a copy of what is held about them, and its erasure. */
import { expect } from 'vitest';
import { fingerprintOf } from '../../../src/leads/idempotency.ts';
import type { Submission } from '../../../src/leads/submission.ts';
import { removeExpiredEvidence } from '../../../src/store/evidence/remove-expired.ts';
import type { DeliveryState, Erasure, PersonKey } from '../../../src/store/people.ts';
import { pruneAll } from '../../../src/store/prune.ts';
import type { Store } from '../../../src/store/store.ts';
import { type PersonalData, tablesToCopy } from '../../../src/store/tables.ts';
import { cancel, claim, deliverDue } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, type Open, tableNamed } from './behaviour.ts';

const mobile = '+447840258823';
const otherMobile = '+447840258824';
const digits = '7840258823';

const erasure: Erasure = { digest: 'digest', keyId: 'key', erasedAt: Date.now(), evidenceReason: 'a test' };

function key(changes: Partial<PersonKey> = {}): PersonKey {
  return { mobile, otherSubmissions: [], ...changes };
}

/** Returns all rows of all tables, with the names of the tables. */
async function rowsIn(store: Store) {
  const tables = tablesToCopy.map(async (table) => ({
    name: table.name,
    rows: await store.rows(table, undefined, 10_000),
  }));
  return Promise.all(tables);
}

/** Returns the names of the tables with a row that contains the number. */
async function tablesWithNumber(store: Store): Promise<string[]> {
  const tables = await rowsIn(store);
  return tables.filter(({ rows }) => JSON.stringify(rows).includes(digits)).map(({ name }) => name);
}

const evidenceTerms = { key: undefined, parsePhone: () => undefined, limit: 100 };
const tomorrow = () => Date.now() + 86_400_000;

/** What removes all old rows, by how the tables declare it. */
const removals: [PersonalData['pruned'], (store: Store) => Promise<unknown>][] = [
  ['prune', (store) => pruneAll(store, tomorrow())],
  [
    'server',
    async (store) => {
      await store.deleteIdempotencyRecords(tomorrow());
      await store.deleteScreenings(tomorrow());
      await store.appendEvidence(evidenceTerms);
    },
  ],
  ['retention', (store) => removeExpiredEvidence(store, tomorrow(), undefined)],
];

/** Returns how the rows about people that are left are removed, by the names of their tables. */
async function personalTablesLeft(store: Store): Promise<Record<string, PersonalData['pruned']>> {
  const left: Record<string, PersonalData['pruned']> = {};
  for (const table of tablesToCopy) {
    const { personal } = table;
    if (personal === 'none') continue;
    const places = [personal.column, personal.otherColumn].map((name) => table.columns.indexOf(name ?? ''));
    const rows = await store.rows(table, undefined, 10_000);
    // Evidence keeps entries without a person, which document what was removed.
    const isPersonal = rows.some((row) => places.some((place) => place >= 0 && row[place] !== null));
    if (isPersonal) left[table.name] = personal.pruned;
  }
  return left;
}

/** Fills every table with personal data about the person, and about another person. Returns what was submitted. */
async function filled(open: Open) {
  const { store, first, from } = await seeded(open());
  await store.setWithdraws('motor', true);
  await store.setWebhook('first', 'https://hooks.example', { salt: 'salt', keyId: 'key' });
  const addAll = async (number: string, name: string) => {
    const content = JSON.stringify({ type: 'motor', mobile: number, delays: '0', first_name: name });
    const submission = from(first.id, { mobile: number, content });
    const fingerprint = fingerprintOf('addLead', JSON.parse(content));
    const added = await store.submit(submission, { key: `day-1-${number}`, fingerprint });
    if (added.outcome !== 'accepted') throw new Error('The sample lead was not accepted.');
    const repeated = from(first.id, { mobile: number, content });
    await store.submit(repeated, { key: `unlinked-${name}`, fingerprint });
    await claim(store, 'claim');
    await store.recordOtherPhones([{ leadId: added.leadId, mobile: number }]);
    const attempt = { leadId: added.leadId, startedAt: 1, endedAt: 2, response: 'r' } as const;
    await store.recordAttempt('claim', { ...attempt, outcome: 'rejected' }, undefined);
    await store.dismissLead(added.leadId);
    await store.rerunSubmission(submission.id);
    await cancel(store, { partnerId: first.id, type: 'motor', mobile: number });
    await store.submit(from(first.id, { mobile: number, content }));
    await deliverDue(store);
    await cancel(store, { partnerId: first.id, type: 'motor', mobile: number });
    const [withdrawal] = await store.claimWithdrawals({ claim: 'claim', limit: 1, lease: 1 });
    const withdrawn = {
      leadId: withdrawal?.id ?? '',
      endedAt: 3,
      outcome: 'withdrawn',
      response: 'r',
    } as const;
    await store.recordWithdrawal('claim', withdrawn, undefined);
    const times = { calledAt: 1, talkTime: null, receivedAt: 1 };
    const call = { leadId: withdrawn.leadId, callId: 'call', code: 'N', result: 'no-answer' } as const;
    await store.recordCallResult({ ...call, ...times, dialler: 'vicidial', types: undefined });
    const [event] = await store.claimEvents({ partnerId: first.id, claim: 'claim', limit: 1, lease: 1_000 });
    const sent = { eventId: event?.id ?? '', startedAt: 1, endedAt: 2, response: 'HTTP 204' } as const;
    await store.recordWebhookAttempts('claim', [{ ...sent, outcome: 'delivered', nextAttemptAt: null }]);
    return submission;
  };
  const sent = await addAll(mobile, 'John');
  const other = await addAll(otherMobile, 'Jane');
  const objection = {
    type: undefined,
    source: 'operator',
    sourceId: '',
    reason: undefined,
    objectedAt: 1,
  } as const;
  await store.addSuppressions([mobile, otherMobile].map((number) => ({ ...objection, mobile: number })));
  const list = await store.beginRegistryList('tps', 1, undefined);
  await store.addToRegistryList(list, [mobile, otherMobile]);
  await store.completeRegistryList(list);
  const screened = { isListed: false, lists: [], checkedAt: 1, expiresAt: 2 };
  await store.saveScreenings('http', [
    { ...screened, mobile },
    { ...screened, mobile: otherMobile },
  ]);
  const typeId = [...(await store.namesById()).types.keys()][0] ?? 0;
  const contacts = ['digest', 'another'].map((digest) => [digest, typeId, 1]);
  await store.addRows(tableNamed('contacted_person'), contacts.toReversed());
  return { store, first, from, sent, other };
}

/** Nothing that an erasure waits for. */
const idle: DeliveryState = { inFlight: [], withdrawing: [], repeating: [] };

export const people: Behaviours = {
  'returns every row about a person, and none about others': async (open) => {
    const { store } = await filled(open);
    // Before the contacts of the sample, which it would remove.
    await store.recordErasures(['digest', 'another'].map((digest) => ({ ...erasure, digest, erasedAt: 0 })));
    await store.appendEvidence({ key: undefined, parsePhone: () => undefined, limit: 100 });
    const pending = [mobile, otherMobile].map((number) => [
      `pending ${number}`,
      'objection',
      number,
      1,
      '{}',
    ]);
    await store.addRows(tableNamed('evidence_pending'), pending);
    const found = await store.personalRows(key(), ['digest']);
    const declared = tablesToCopy.filter(({ personal }) => personal !== 'none').map(({ name }) => name);
    expect(found.map(({ table }) => table)).toEqual(declared);
    // A table without a row here is not tested: add one to the sample.
    expect(found.filter(({ rows }) => rows.length === 0)).toEqual([]);
    expect(JSON.stringify(found)).not.toContain('7840258824');
    for (const { table, rows } of found) {
      const { columns } = tableNamed(table);
      for (const row of rows) expect(Object.keys(row)).toEqual([...columns]);
    }
    const withNumber = found.filter(({ rows }) => JSON.stringify(rows).includes(digits));
    expect(withNumber.map(({ table }) => table)).toEqual(await tablesWithNumber(store));
  },

  'removes the old rows of every table with personal data in the way that the table declares': async (
    open,
  ) => {
    const { store } = await filled(open);
    await store.recordErasures([erasure]);
    // The digests of people who may be contacted again are removed.
    await store.setRecontactAfter('motor', 1);
    await store.appendEvidence(evidenceTerms);
    await store.addRows(tableNamed('evidence_pending'), [['pending', 'objection', mobile, 1, '{}']]);
    // A table without a row here is not tested: add one to the sample.
    const declared = tablesToCopy.flatMap(({ name, personal }) =>
      personal === 'none' ? [] : [[name, personal.pruned] as const],
    );
    let expected = Object.fromEntries(declared);
    expect(await personalTablesLeft(store)).toEqual(expected);
    for (const [removedBy, remove] of removals) {
      await remove(store);
      expected = Object.fromEntries(Object.entries(expected).filter(([, pruned]) => pruned !== removedBy));
      expect(await personalTablesLeft(store), removedBy).toEqual(expected);
    }
    expect(Object.values(expected).every((pruned) => pruned === 'kept')).toBe(true);
  },

  'erases every row about a person that its table declares, and nothing about others': async (open) => {
    const { store } = await filled(open);
    const before = await rowsIn(store);
    const own = await store.personalRows(key(), ['digest']);
    const others = await store.personalRows(key({ mobile: otherMobile }), ['another']);
    const { inFlight, erased } = await store.erasePerson(key(), erasure, undefined);
    expect(inFlight).toEqual([]);
    const deleted = tablesToCopy.filter(
      ({ personal }) => personal !== 'none' && personal.erased === 'deleted',
    );
    expect(Object.keys(erased).toSorted()).toEqual(deleted.map(({ name }) => name).toSorted());
    for (const { table, rows } of own) if (table in erased) expect(erased[table], table).toBe(rows.length);
    expect(await tablesWithNumber(store)).toEqual([]);
    expect(await store.personalRows(key({ mobile: otherMobile }), ['another'])).toEqual(others);
    const after = await rowsIn(store);
    for (const [index, { name, rows }] of after.entries()) {
      // The erasure includes the evidence that is not in the chain yet.
      const pending = own.find(({ table }) => table === 'evidence_pending')?.rows.length ?? 0;
      const others: Record<string, number> = { erasure: 1, evidence_pending: -pending };
      const change = others[name] ?? -(erased[name] ?? 0);
      expect(rows.length, name).toBe((before[index]?.rows.length ?? 0) + change);
    }
    expect(await Array.fromAsync(store.erasures())).toEqual([erasure]);
  },

  'erases the submissions with the number as the other phone number, with their leads': async (open) => {
    const { store, first, from } = await seeded(open());
    const others = from(first.id, { mobile: otherMobile, content: `{"other_phone":"0${digits}"}` });
    await store.submit(others);
    const later = from(first.id, { mobile: otherMobile });
    expect(await store.submit(later)).toMatchObject({ outcome: 'already-scheduled' });
    const found = await Array.fromAsync(store.submissionsWithOtherPhone());
    expect(found.map(({ id }) => id)).toContain(others.id);
    const person = key({ otherSubmissions: [others.id] });
    const { erased } = await store.erasePerson(person, erasure, undefined);
    expect(erased).toMatchObject({ lead: 1, submission: 1 });
    expect(await tablesWithNumber(store)).toEqual([]);
    const kept = await Array.fromAsync(store.submissions({ mobile: otherMobile }, 9));
    expect(kept).toMatchObject([{ id: later.id, leadId: null }]);
  },

  'accepts a person who was erased, and does not erase what is sent later': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await store.erasePerson(key(), erasure, undefined);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
    const { erased } = await store.erasePerson(
      key({ receivedUntil: Date.now() - 3_600_000 }),
      erasure,
      undefined,
    );
    expect(erased).toMatchObject({ lead: 0, submission: 0 });
    expect(await Array.fromAsync(store.leads({ mobile }, 9))).toHaveLength(1);
  },

  'erases nothing of which evidence is kept until the evidence is in the chain': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const keeping = { ...erasure, evidenceReason: null };
    expect(await store.erasePerson(key(), keeping, undefined)).toMatchObject({
      isEvidenceMissing: true,
      erased: {},
    });
    await store.appendEvidence({ key: undefined, parsePhone: (text) => text, limit: 10 });
    expect(await store.erasePerson(key(), keeping, undefined)).toMatchObject({ erased: { submission: 1 } });
    expect(await store.evidenceOf(mobile)).toMatchObject([{ kind: 'request' }]);
    await store.erasePerson(key(), erasure, undefined);
    expect(await store.evidenceOf(mobile)).toEqual([]);
  },

  'erases nothing while an attempt is in flight, and lets no other start': async (open) => {
    const { store, first, second, from } = await seeded(open());
    await store.addType('home', null);
    await store.grantType('second', 'home');
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'claim');
    await store.submit(from(second.id, { type: 'home' }));
    expect(await store.stopDelivery(key(), true)).toEqual({ ...idle, inFlight: [lead?.id] });
    expect(await claim(store, 'another')).toEqual([]);
    expect(await store.erasePerson(key(), erasure, undefined)).toEqual({
      inFlight: [lead?.id],
      isEvidenceMissing: false,
      atDialler: [],
      diallerRecords: [],
      erased: {},
    });
    expect(await Array.fromAsync(store.leads({ mobile }, 9))).toHaveLength(2);
    const attempt = {
      leadId: lead?.id ?? '',
      startedAt: 1,
      endedAt: 2,
      response: 'lead 7 of list 1',
    } as const;
    await store.recordAttempt('claim', { ...attempt, outcome: 'delivered' }, undefined);
    expect(await store.deliveryState(key())).toEqual(idle);
    expect(await store.erasePerson(key(), erasure, undefined)).toMatchObject({
      atDialler: [lead?.id],
      diallerRecords: [{ leadId: lead?.id, response: 'lead 7 of list 1' }],
      erased: { lead: 2, attempt: 1 },
    });
  },

  'withdraws what the dialler has, if the lead type does so': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.setWithdraws('motor', true);
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'claim');
    const leadId = lead?.id ?? '';
    const attempt = { leadId, startedAt: 1, endedAt: 2, response: '' } as const;
    await store.recordAttempt('claim', { ...attempt, outcome: 'delivered' }, undefined);
    expect(await store.stopDelivery(key(), true)).toEqual({ ...idle, withdrawing: [leadId] });
    const [claimed] = await store.claimWithdrawals({ claim: 'w', limit: 1, lease: 1_000 });
    expect(claimed).toMatchObject({ id: leadId, cause: 'erasure', mobile });
    const withdrawn = { leadId, endedAt: 3, outcome: 'withdrawn', response: 'lead 7: CANCEL' } as const;
    await store.recordWithdrawal('w', withdrawn, Date.now());
    expect(await store.deliveryState(key())).toEqual({ ...idle, repeating: [leadId] });
    expect((await store.stopDelivery(key(), true)).repeating).toEqual([leadId]);
    await store.claimWithdrawals({ claim: 'again', limit: 1, lease: 1_000 });
    await store.recordWithdrawal('again', withdrawn, undefined);
    expect(await store.deliveryState(key())).toEqual(idle);
    expect(await store.erasePerson(key(), erasure, undefined)).toMatchObject({
      atDialler: [],
      diallerRecords: [{ leadId, response: 'lead 7: CANCEL' }],
      erased: { withdrawal: 1 },
    });
  },

  'reports a withdrawn lead that was not removed once more as one that the dialler may have': async (
    open,
  ) => {
    const { store, first, from } = await seeded(open());
    await store.setWithdraws('motor', true);
    await store.submit(from(first.id));
    await deliverDue(store);
    await store.stopDelivery(key(), true);
    const [claimed] = await store.claimWithdrawals({ claim: 'w', limit: 1, lease: 1_000 });
    const leadId = claimed?.id ?? '';
    const withdrawn = { leadId, endedAt: 3, outcome: 'withdrawn', response: '' } as const;
    await store.recordWithdrawal('w', withdrawn, Date.now());
    expect(await store.erasePerson(key(), erasure, undefined)).toMatchObject({ atDialler: [leadId] });
  },

  'lists everything with a number, for a comparison with the digests of erasures': async (open) => {
    const { store, sent, other } = await filled(open);
    const numbers = await Array.fromAsync(store.sentNumbers());
    expect(numbers.filter(({ kind }) => kind === 'cancel').map((each) => each.mobile)).toEqual([
      mobile,
      mobile,
      otherMobile,
      otherMobile,
    ]);
    expect(numbers.find(({ id }) => id === sent.id)).toEqual(numberOf(sent));
    expect(numbers.find(({ id }) => id === other.id)).toEqual(numberOf(other));
    const leads = await Array.fromAsync(store.leadNumbers());
    expect(new Set(leads.map((lead) => lead.mobile))).toEqual(new Set([mobile, otherMobile]));
  },

  'returns the names of partners and lead types by their ids': async (open) => {
    const { store, first, second } = await seeded(open());
    const { partners, types } = await store.namesById();
    expect([...partners]).toEqual([
      [first.id, 'first'],
      [second.id, 'second'],
    ]);
    expect([...types.values()]).toEqual(['motor']);
  },

  'records the erasures of another copy once': async (open) => {
    const store = await open();
    const later = { ...erasure, erasedAt: erasure.erasedAt + 1, evidenceReason: 'a court order' };
    await store.recordErasures([erasure, later]);
    await store.recordErasures([later, erasure]);
    expect(await Array.fromAsync(store.erasures())).toEqual([erasure, later]);
    expect(await store.erasuresOf([erasure.digest, 'unknown'])).toEqual(
      [erasure, later].filter(({ digest }) => digest === erasure.digest),
    );
    expect(await store.erasuresOf([])).toEqual([]);
  },
};

function numberOf({ id, mobile, content }: Submission) {
  return { id, kind: 'add', mobile, content };
}
