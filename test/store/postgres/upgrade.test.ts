/** An older server writes nothing once a newer version has migrated the store. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { PostgresDatabase } from '../../../src/store/postgres/connection/database.ts';
import { migrate, migrations } from '../../../src/store/postgres/connection/migrate.ts';
import { writeStatement } from '../../../src/store/postgres/connection/schema-version.ts';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import type { Store } from '../../../src/store/store.ts';
import { StoreUnavailable } from '../../../src/store/store-unavailable.ts';
import { send } from '../../harness/client.ts';
import { operationsWith } from '../../harness/contract.ts';
import { hasPgBouncer, startPgBouncer } from '../../harness/pgbouncer.ts';
import {
  asAdministrator,
  emptyDatabase,
  openTransaction,
  statementsWaitingForLocks,
} from '../../harness/postgres.ts';
import { claim, leadsIn, record, serve, temporaryDirectory } from '../../harness/server.ts';
import { newSubmission } from '../../harness/submissions.ts';
import { tableNamed } from '../conformance/behaviour.ts';
import { closeAfterTest, seeded } from '../stores.ts';

/** Migrates a store as the next version would. */
async function migrateFurther(url: string, sql: string, { retryTimeout = 20_000 } = {}): Promise<void> {
  const file = join(temporaryDirectory(), '999-further.sql');
  writeFileSync(file, sql);
  const limits = { connections: 1, statementTimeout: 20_000, responseTimeout: 20_000, retryTimeout };
  const database = new PostgresDatabase(url, limits);
  await migrate(database, [...migrations, pathToFileURL(file)]);
  await database.close();
}

/**
 * Ids of the rows that the writes change: a submission, and leads that are claimed, failed, failed but undecided,
 * withdrawing, and held.
 */
interface KnownIds {
  submission: string;
  lead: string;
  failed: string;
  undecided: string;
  withdrawing: string;
  held: string;
}

const person = { type: 'motor', mobile: '+447840258823' };
const request = { partnerId: 1, receivedAt: 1, delays: 0, content: '{}' };

/** Methods that write nothing to this store. `addFirstPartner` writes to an empty one only. */
type NotWriting =
  | 'keyHolder'
  | 'isGranted'
  | 'leadStatus'
  | 'dueLeads'
  | 'nextAttemptAt'
  | 'onChange'
  | 'earlierLeads'
  | 'deliveredAfterUnknown'
  | 'duplicatesCheckedUntil'
  | 'pauses'
  | 'callingHours'
  | 'deliveryGaps'
  | 'countScheduled'
  | 'settings'
  | 'storeKeyIds'
  | 'forgottenStoreKeys'
  | 'usesOfStoreKey'
  | 'evidenceOfImports'
  | 'actAs'
  | 'auditEntries'
  | 'consentRules'
  | 'submissionsWithOtherPhone'
  | 'sentNumbers'
  | 'leadNumbers'
  | 'personalRows'
  | 'namesById'
  | 'deliveryState'
  | 'deliveriesSince'
  | 'callResults'
  | 'lastResults'
  | 'webhooks'
  | 'dueWebhooks'
  | 'webhookAttempts'
  | 'erasures'
  | 'erasuresOf'
  | 'evidenceEntries'
  | 'evidenceOf'
  | 'evidenceChain'
  | 'countExpiredEvidence'
  | 'rejections'
  | 'acceptedOn'
  | 'suppressionsOf'
  | 'suppressions'
  | 'countSuppressions'
  | 'suppressedNumbers'
  | 'registries'
  | 'screeningOfTypes'
  | 'listedNumbers'
  | 'registriesOf'
  | 'screenings'
  | 'leadsInFlight'
  | 'listedMobiles'
  | 'scheduledLeads'
  | 'hasDigests'
  | 'useKeys'
  | 'types'
  | 'partners'
  | 'keys'
  | 'keyByDigest'
  | 'activeKeyDigests'
  | 'addFirstPartner'
  | 'directory'
  | 'leads'
  | 'submissions'
  | 'attempts'
  | 'leadActions'
  | 'cancellations'
  | 'mobileOf'
  | 'mobilesOfEmail'
  | 'exportLeads'
  | 'exportSubmissions'
  | 'reportedSubmissions'
  | 'reportedRejections'
  | 'countRemainingLeads'
  | 'checkCancellable'
  | 'countPrunable'
  | 'backup'
  | 'lastBackupAt'
  | 'shrink'
  | 'erase'
  | 'compact'
  | 'rows'
  | 'lastRow'
  | 'countRows'
  | 'leadStats'
  | 'waiting'
  | 'isServing'
  | 'clockSkew'
  | 'activity'
  | 'nextWithdrawalAt'
  | 'onWithdrawal'
  | 'endedWithdrawals'
  | 'withdrawalOf'
  | 'withdrawalStats'
  | 'withdrawals'
  | 'close';

const suppression = {
  mobile: '+447840258826',
  type: undefined,
  source: 'operator',
  sourceId: '',
  reason: undefined,
  objectedAt: 1,
} as const;
const erasure = { digest: 'digest', keyId: 'key', erasedAt: 1, evidenceReason: 'a test' };

const rejection = {
  partnerId: 1,
  operation: 'addLead',
  outcome: 'rate-limited',
  reason: 'The rate limit of this key is exceeded.',
  day: 0,
  count: 1,
  lastAt: 1,
  lastRequestId: 'id',
};

/** Every method of a store that writes. */
const writes: Record<
  Exclude<keyof Store, NotWriting>,
  (store: Store, known: KnownIds) => Promise<unknown>
> = {
  submit: (store) => store.submit(newSubmission({ ...person, ...request, mobile: '+447840258825' })),
  submitAll: (store) => {
    const sent = newSubmission({ ...person, ...request, mobile: '+447840258829' });
    return store.submitAll([sent], sent.partnerId);
  },
  setScreening: (store) => store.setScreening('motor', { screening: 'on' }),
  beginRegistryList: (store) => store.beginRegistryList('tps', 1, undefined),
  addToRegistryList: (store) => store.addToRegistryList(1, []),
  completeRegistryList: (store) => store.completeRegistryList(1),
  removeReplacedNumbers: (store) => store.removeReplacedNumbers(''),
  reconsiderScreened: (store) => store.reconsiderScreened(Date.now()),
  saveScreenings: (store) => store.saveScreenings('http', []),
  deleteScreenings: (store) => store.deleteScreenings(1),
  partnerEvents: (store) => store.partnerEvents({ partnerId: 1, after: undefined, limit: 1 }),
  setWebhook: (store) => store.setWebhook('first', 'https://one.example', { salt: 'a', keyId: 'b' }),
  rotateWebhook: (store) => store.rotateWebhook('first', { salt: 'a', keyId: 'b' }, 1),
  removeWebhook: (store) => store.removeWebhook('first'),
  claimEvents: (store) => store.claimEvents({ partnerId: 1, claim: 'old', limit: 1, lease: 1 }),
  recordWebhookAttempts: (store) =>
    store.recordWebhookAttempts('old', [
      { eventId: 'a', startedAt: 1, endedAt: 1, outcome: 'failed', response: '', nextAttemptAt: 1 },
    ]),
  resendEvents: (store) => store.resendEvents('first', undefined),
  deletePartnerEvents: (store) => store.deletePartnerEvents(1),
  recordRefusedNumbers: (store) =>
    store.recordRefusedNumbers([
      { leadId: 'id', mobile: suppression.mobile, at: 1, lists: {}, result: 'suppressed' },
    ]),
  copyDirectory: (store) => store.copyDirectory({ partners: [], types: [], aliases: [], grants: [] }, 1),
  pauseDelivery: (store) => store.pauseDelivery({ type: undefined, by: 'operator', reason: 'a test' }),
  resumeDelivery: (store) => store.resumeDelivery(undefined),
  recordOtherPhones: (store) => store.recordOtherPhones([{ leadId: 'none', mobile: '+447840258824' }]),
  recordGaps: (store) => store.recordGaps([{ type: 'motor', start: 1, end: 2 }]),
  recordDeliverable: (store) => store.recordDeliverable(Date.now(), 60_000),
  endTooLate: (store, { lead }) => store.endTooLate('old', [lead]),
  setCallingHours: (store) => store.setCallingHours('motor', 'always'),
  reconsiderWaiting: (store) => store.reconsiderWaiting('motor', 0),
  postponeScheduled: (store) => {
    const opening = { opensAt: 1, waitsFor: 'calling-hours' } as const;
    return store.postponeScheduled([{ id: 'none', nextAttemptAt: 1, ...opening }], 0);
  },
  recordDuplicatesChecked: (store) => store.recordDuplicatesChecked(1),
  claimDue: (store) => store.claimDue({ claim: 'old', limit: 1, lease: 1 }),
  renewLease: (store, { lead }) => store.renewLease('old', [lead], 1),
  recordAttempt: (store, { lead }) => record(store, 'old', lead, 'delivered'),
  releaseLeads: (store, { lead }) => store.releaseLeads('old', [lead], 0),
  postponeLeads: (store, { lead }) => store.postponeLeads([lead], Date.now(), 'calling-hours'),
  endDiallerPause: (store) => store.endDiallerPause(undefined),
  claimWithdrawals: (store) => store.claimWithdrawals({ claim: 'old', limit: 1, lease: 1 }),
  recordWithdrawal: (store, { lead }) => {
    const attempt = { leadId: lead, endedAt: 1, outcome: 'withdrawn', response: '' } as const;
    return store.recordWithdrawal('old', attempt, undefined);
  },
  releaseWithdrawals: (store, { lead }) => store.releaseWithdrawals('old', [lead], 0),
  settleCancellation: (store, { lead }) => store.settleCancellation({ id: 'c', partnerId: 1 }, lead, 'key'),
  hastenWithdrawals: (store) => store.hastenWithdrawals(),
  retryWithdrawal: (store, { withdrawing }) => store.retryWithdrawal(withdrawing),
  resolveWithdrawal: (store, { withdrawing }) => store.resolveWithdrawal(withdrawing, true),
  setWithdraws: (store) => store.setWithdraws('motor', true),
  cancel: (store) => store.cancel(newSubmission({ ...person, ...request })),
  rerunSubmission: (store, { submission }) => store.rerunSubmission(submission),
  holdScheduled: (store) => store.holdScheduled(Date.now()),
  releaseLead: (store, { held }) => store.releaseLead(held),
  retryLead: (store, { failed }) => store.retryLead(failed),
  resolveLead: (store, { undecided }) => store.resolveLead(undecided, true),
  cancelLead: (store, { failed }) => store.cancelLead(failed),
  dismissLead: (store, { failed }) => store.dismissLead(failed),
  cancelRemainingLeads: (store) => store.cancelRemainingLeads({ partner: 'first' }),
  addType: (store) => store.addType('home', null),
  addPartner: (store) => store.addPartner('third', []),
  setRecontactAfter: (store) => store.setRecontactAfter('motor', 1000),
  appendEvidence: (store) => store.appendEvidence({ key: undefined, parsePhone: () => undefined, limit: 10 }),
  removeExpiredEvidence: (store) => store.removeExpiredEvidence(Date.now() + 1, 0, undefined),
  removeEvidenceOf: (store) => store.removeEvidenceOf(person.mobile, 'a test', undefined),
  setConsentRequired: (store) => store.setConsentRequired('motor', true),
  renameType: (store) => store.renameType('motor', 'car'),
  retireType: (store) => store.retireType('motor'),
  unretireType: (store) => store.unretireType('retired'),
  grantType: (store) => store.grantType('first', 'motor'),
  revokeType: (store) => store.revokeType('first', 'motor'),
  suspendPartner: (store) => store.suspendPartner('first'),
  resumePartner: (store) => store.resumePartner('suspended'),
  deletePartner: (store) => store.deletePartner('first'),
  addKey: (store) => store.addKey('first', 'key', 'digest'),
  rotateKey: (store) => store.rotateKey('old', { id: 'new', digest: 'new', oldUntil: Date.now() }),
  revokeKey: (store) => store.revokeKey('old'),
  limitPartner: (store) => store.limitPartner('first', 'off'),
  recordSettings: (store) => store.recordSettings({ DEFAULT_COUNTRY: 'GB' }),
  setSetting: (store) => store.setSetting('DEFAULT_COUNTRY', 'GB'),
  recordStoreKey: (store) => store.recordStoreKey('0123456789abcdef'),
  recordRemovedList: (store) => store.recordRemovedList({ list: 'old', operator: 'alice', removed: 1 }),
  forgetStoreKey: (store) => store.forgetStoreKey('fedcba9876543210'),
  recordRejections: (store) => store.recordRejections([rejection]),
  deleteRejections: (store) => store.deleteRejections(1),
  recordAccepted: (store) => store.recordAccepted([{ partnerId: 1, day: 0, accepted: 1 }]),
  deletePartnerUsage: (store) => store.deletePartnerUsage(1),
  renewRequestShare: (store) =>
    store.renewRequestShare({ server: 'one', total: 9, max: 3, held: 0, duration: 1_000 }),
  endRequestShare: (store) => store.endRequestShare('one'),
  setDailyQuota: (store) => store.setDailyQuota('first', 5),
  setMaxPriority: (store) => store.setMaxPriority('first', 5),
  addSuppressions: (store) => store.addSuppressions([suppression]),
  recordObjection: (store) =>
    store.recordObjection(
      { partner: 'first', keyId: 'key', ...suppression, receivedAt: 1 },
      { max: 1, since: 0 },
    ),
  recordCallResult: (store, { lead }) =>
    store.recordCallResult({
      leadId: lead,
      callId: 'call',
      code: 'NI',
      result: 'not-interested',
      calledAt: 1,
      talkTime: null,
      receivedAt: 1,
      dialler: 'vicidial',
      types: undefined,
    }),
  suppressLeads: (store) => store.suppressLeads([person.mobile]),
  removeSuppressions: (store) => store.removeSuppressions({ mobile: person.mobile }, false),
  removeSuppressionsOf: (store) =>
    store.removeSuppressionsOf({ source: 'operator', sourceId: '' }, '', false),
  suppressClaimed: (store, { lead }) => store.suppressClaimed('old', [lead]),
  recordKeyLastUsed: (store) => store.recordKeyLastUsed(new Map([['old', 1]])),
  recordAudit: (store) => {
    store.actAs({ operator: 'alice', host: 'localhost', command: 'store compact' });
    return store.recordAudit({ subject: { kind: 'store', id: null } });
  },
  stopDelivery: (store) => store.stopDelivery({ mobile: person.mobile, otherSubmissions: [] }, false),
  erasePerson: (store) =>
    store.erasePerson({ mobile: person.mobile, otherSubmissions: [] }, erasure, undefined),
  recordErasures: (store) => store.recordErasures([erasure]),
  deleteAuditEntries: (store) => store.deleteAuditEntries(Date.now()),
  prune: (store) => store.prune(Date.now(), ''),
  pruneContacts: (store) => store.pruneContacts(Date.now(), ''),
  deleteIdempotencyRecords: (store) => store.deleteIdempotencyRecords(Date.now() + 1),
  addRows: (store) => store.addRows(tableNamed('maintenance_run'), [['copied', 1]]),
  checkReady: (store) => store.checkReady(),
};

/** Returns all rows of all tables. */
async function contentOf(url: string): Promise<Record<string, unknown>> {
  const tables = await asAdministrator<{ name: string }>(
    url,
    `SELECT relname AS name FROM pg_stat_user_tables WHERE relname <> 'readiness'`,
  );
  const rows = tables.map(async ({ name }) => [
    name,
    await asAdministrator(url, `SELECT row_to_json(t) FROM ${name} AS t ORDER BY t::text`),
  ]);
  return Object.fromEntries(await Promise.all(rows));
}

async function expectNothingWritten(store: Store, url: string, known: KnownIds): Promise<void> {
  const before = await contentOf(url);
  for (const [name, write] of Object.entries(writes)) {
    const error: unknown = await write(store, known).then(
      () => undefined,
      (thrown) => thrown,
    );
    expect(error, name).toBeInstanceOf(StoreUnavailable);
    expect(String(error), name).toContain('A newer version has migrated the store');
  }
  expect(await contentOf(url)).toEqual(before);
}

/** Creates a store in which each of these methods would change a row. */
async function storeWithRows(url: string) {
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(url)));
  await store.addKey('first', 'old', 'old');
  await store.setWebhook('first', 'https://hooks.example', { salt: 'salt', keyId: 'key' });
  await store.recordStoreKey('fedcba9876543210');
  await store.addType('retired', null);
  await store.retireType('retired');
  await store.recordStoreKey('lost');
  await store.addPartner('suspended', []);
  await store.suspendPartner('suspended');
  await store.beginRegistryList('tps', 1, undefined);
  await store.submit(from(first.id, { mobile: '+447840258827' }));
  await store.holdScheduled(Date.now());
  const [held] = await leadsIn(store);
  await store.submit(from(first.id, { mobile: '+447840258824' }));
  const [failed] = await claim(store, 'old');
  await record(store, 'old', failed?.id ?? '', 'rejected');
  await store.submit(from(first.id, { mobile: '+447840258826' }));
  const [undecided] = await claim(store, 'old');
  await record(store, 'old', undecided?.id ?? '', 'unknown');
  await store.submit(from(first.id, { mobile: '+447840258828' }));
  const [withdrawing] = await claim(store, 'old');
  await record(store, 'old', withdrawing?.id ?? '', 'unknown');
  await store.cancelLead(withdrawing?.id ?? '', true);
  const submission = from(first.id);
  await store.submit(submission, { key: 'k', fingerprint: 'f' });
  const [lead] = await claim(store, 'old', { lease: 1 });
  const known = {
    submission: submission.id,
    lead: lead?.id ?? '',
    failed: failed?.id ?? '',
    undecided: undecided?.id ?? '',
    withdrawing: withdrawing?.id ?? '',
    held: held?.id ?? '',
  };
  return { store, first, known };
}

test('no method of an older server writes once a newer version has migrated the store', async () => {
  const url = await emptyDatabase();
  const { store, first, known } = await storeWithRows(url);
  await migrateFurther(url, 'CREATE TABLE further ()');
  await expectNothingWritten(store, url, known);
  expect(await store.leadStatus({ partnerId: first.id, ...person })).toBeDefined();
});

const pgBouncer = { skip: !hasPgBouncer(), meta: { needs: 'pgbouncer' } };

test('no method of an older server writes through PgBouncer after a migration', pgBouncer, async () => {
  const direct = await emptyDatabase();
  const bouncer = await startPgBouncer(direct);
  onTestFinished(() => bouncer.stop());
  const { store, known } = await storeWithRows(bouncer.through(direct));
  await migrateFurther(direct, 'CREATE TABLE further ()');
  await expectNothingWritten(store, direct, known);
});

const migrationsOf = [
  ['another table', 'CREATE TABLE further ()'],
  ['the same table', 'ALTER TABLE lead ADD COLUMN further integer'],
] as const;

/** Counts the statements with this beginning that wait for a lock. */
async function waiting(url: string, beginning: string): Promise<number> {
  return (await statementsWaitingForLocks(url)).filter((query) => query.startsWith(beginning)).length;
}

test.each(migrationsOf)('commits a write that began before a migration of %s', async (_, sql) => {
  const url = await emptyDatabase();
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(url)));
  const submission = from(first.id);
  const blocker = await openTransaction(url);
  await blocker.query(
    `INSERT INTO submission (id, partner_id, received_at, type, mobile, delays, content, outcome)
     VALUES ('${submission.id}', 1, 1, '', '', 0, '{}', 'accepted')`,
  );
  const begun = store.submit(submission);
  await expect.poll(() => waiting(url, 'WITH sent')).toBe(1);
  const migrating = migrateFurther(url, sql);
  const last = sql.startsWith('ALTER') ? sql : 'LOCK TABLE schema_migration';
  await expect.poll(() => waiting(url, last)).toBe(1);
  await blocker.query('ROLLBACK');
  expect(await begun).toMatchObject({ outcome: 'accepted' });
  await migrating;
});

test.each(migrationsOf)('rejects a write that begins during a migration of %s', async (_, sql) => {
  const url = await emptyDatabase();
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(url)));
  // The statement is already prepared, as on a server that has run for a while.
  await store.submit(from(first.id, { type: 'unknown' }));
  const newer = await openTransaction(url);
  await newer.query(
    `${sql}; LOCK TABLE schema_migration IN ACCESS EXCLUSIVE MODE; INSERT INTO schema_migration VALUES (99)`,
  );
  const late = expect(store.submit(from(first.id))).rejects.toThrow('A newer version has migrated the store');
  await expect.poll(() => waiting(url, 'WITH sent')).toBe(1);
  await newer.query('COMMIT');
  await late;
  expect(await asAdministrator(url, 'SELECT FROM lead')).toEqual([]);
});

test('repeats a migration that PostgreSQL ended because of a deadlock', async () => {
  const url = await emptyDatabase();
  closeAfterTest(await openPostgresStore(url));
  const older = await openTransaction(url);
  await older.query('LOCK TABLE partner IN ACCESS SHARE MODE');
  const sql = 'ALTER TABLE lead ADD COLUMN further integer; ALTER TABLE partner ADD COLUMN further integer';
  const migrating = migrateFurther(url, sql, { retryTimeout: 0 });
  await expect.poll(() => waiting(url, sql)).toBe(1);
  // The migration has waited longer than this statement, so it is ended first.
  await older.query('SELECT FROM lead');
  await older.query('COMMIT');
  await migrating;
  const columns = "SELECT FROM information_schema.columns WHERE column_name = 'further'";
  expect(await asAdministrator(url, columns)).toHaveLength(2);
});

test('an older server responds with 503 and is not ready', async () => {
  const url = await emptyDatabase();
  const server = await serve(await openPostgresStore(url), { checkReadyEvery: 20 });
  await migrateFurther(url, 'CREATE TABLE further ()');
  // Only operations with an idempotency key write.
  for (const id of operationsWith(409)) expect((await send(server, id)).status, id).toBe(503);
  await expect.poll(async () => (await fetch(`${server.url}/readyz`)).status).toBe(503);
});

test('refuses to create a statement that writes without the check', () => {
  expect(() => writeStatement('unchecked', 'DELETE FROM lead')).toThrow('does not contain');
});
