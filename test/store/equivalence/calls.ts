/** Random calls of a store. */
import fc from 'fast-check';
import type { AttemptOutcome } from '../../../src/leads/attempt.ts';
import { leadStates, submissionOutcomes } from '../../../src/leads/lead.ts';
import type { PartnerLimit } from '../../../src/partners/rate-limit.ts';
import type { PausedBy } from '../../../src/store/delivery-pause.ts';
import type { CancellationResult, SubmissionResult } from '../../../src/store/store.ts';
import { type Table, type TableRow, tablesToCopy } from '../../../src/store/tables.ts';
import { idempotencyOf, type Subject } from './subject.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** A call, or several at once, after some time (ms). */
export interface Call {
  wait: number;
  run(subject: Subject): Promise<unknown>;
  toString(): string;
}

// Few of each, so that calls collide. The first two types and partners exist from the start; `nothing` never does.
const type = fc.constantFrom('motor', 'motor', 'motor', 'motor', 'home', 'home', 'home', 'pet', 'nothing');
const partner = fc.constantFrom('first', 'first', 'first', 'second', 'third');
const mobile = fc.constantFrom('+447840258823', '+447840258824');
const limit = fc.constantFrom(1, 2, 1000);
const index = fc.constantFrom(0, 0, 0, 1, 1, 2, 5);
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });

/** Adds what exists from the start. */
export async function seed(subject: Subject): Promise<void> {
  const { store } = subject;
  await store.addType('motor', null);
  await store.addType('home', hour);
  subject.partnerIds.set('first', (await store.addPartner('first', ['motor', 'home'])).id);
  subject.partnerIds.set('second', (await store.addPartner('second', ['motor'])).id);
}

/** Defines a call. @param model arbitraries of its arguments */
function call<Arguments>(
  name: string,
  model: { [Name in keyof Arguments]: fc.Arbitrary<Arguments[Name]> },
  run: (subject: Subject, given: Arguments) => Promise<unknown>,
): fc.Arbitrary<Omit<Call, 'wait'>> {
  return fc.record<Arguments>(model).map((given) => ({
    run: (subject) => run(subject, given),
    toString: () => `${name} ${JSON.stringify(given)}`,
  }));
}

const request = fc.record({
  partner,
  type,
  mobile,
  /** How long before now it was received (ms): servers' clocks differ, and a request can wait. */
  age: fc.constantFrom(0, 0, 1000),
  delays: fc.constantFrom(0, 0, 60, 7200),
  key: maybe(fc.constantFrom('one', 'two')),
  trace: maybe(fc.constant('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')),
});

type Request = typeof request extends fc.Arbitrary<infer Value> ? Value : never;

function submit(subject: Subject, given: Request): Promise<SubmissionResult> {
  const { age, key, delays, trace } = given;
  const receivedAt = Date.now() - age;
  const submission = {
    id: subject.newSentId(receivedAt),
    partnerId: subject.partnerId(given.partner),
    receivedAt,
    type: given.type,
    mobile: given.mobile,
    delays,
    content: JSON.stringify(given),
    trace,
  };
  return subject.store.submit(submission, idempotencyOf(key, ['add', given.type, given.mobile, delays]));
}

function cancel(subject: Subject, given: Request): Promise<CancellationResult> {
  const receivedAt = Date.now() - given.age;
  const cancellation = {
    id: subject.newSentId(receivedAt),
    partnerId: subject.partnerId(given.partner),
    receivedAt,
    type: given.type,
    mobile: given.mobile,
    content: JSON.stringify(given),
  };
  return subject.store.cancel(cancellation, idempotencyOf(given.key, ['cancel', given.type, given.mobile]));
}

/** Sends a request, and notes it if it can be replayed. */
function send(subject: Subject, given: Request, how: typeof submit | typeof cancel): Promise<unknown> {
  if (given.key !== undefined) subject.keyed.push((other) => how(other, given));
  return how(subject, given);
}

/** Ids of one process increase in the order of its requests, and PostgreSQL decides on requests at once in the order of their ids. */
const together = fc.array(
  request.map((each) => ({ ...each, age: 0 as const })),
  { minLength: 2, maxLength: 4 },
);

const requests = [
  {
    weight: 10,
    arbitrary: call('submit', { request }, (subject, given) => send(subject, given.request, submit)),
  },
  {
    weight: 5,
    arbitrary: call('cancel', { request }, (subject, given) => send(subject, given.request, cancel)),
  },
  {
    weight: 2,
    arbitrary: call('submit at once', { together }, (subject, given) =>
      Promise.all(given.together.map((each) => submit(subject, each))),
    ),
  },
  {
    weight: 1,
    arbitrary: call('cancel at once', { together }, (subject, given) =>
      Promise.all(given.together.map((each) => cancel(subject, each))),
    ),
  },
  {
    weight: 3,
    arbitrary: call(
      'repeat',
      { index },
      (subject, given) => at(subject.keyed, given.index)?.(subject) ?? nothing(),
    ),
  },
  {
    weight: 2,
    arbitrary: call('leadStatus', { partner, type, mobile }, (subject, given) =>
      subject.store.leadStatus({ ...given, partnerId: subject.partnerId(given.partner) }),
    ),
  },
  {
    weight: 1,
    arbitrary: call('isGranted', { partner, type }, (subject, given) =>
      subject.store.isGranted(subject.partnerId(given.partner), given.type),
    ),
  },
];

/** Result of a call for which nothing exists yet. */
const nothing = () => Promise.resolve('nothing to call');

/** Returns an entry of a list, counted from its end, so that later ones are more frequent. */
function at<Value>(values: readonly Value[], fromEnd: number): Value | undefined {
  return values.at(-1 - (fromEnd % Math.max(1, values.length)));
}

const outcome = fc.constantFrom<AttemptOutcome>('delivered', 'rejected', 'unavailable', 'unknown');

const deliveries = [
  {
    weight: 10,
    arbitrary: call(
      'claimDue',
      { limit, lease: fc.constantFrom(1, minute, hour), late: maybe(fc.constantFrom(-1, 0, hour)) },
      async (subject, { late, ...given }) => {
        const claim = `claim ${subject.next()}`;
        const earliestDueAt = late === undefined ? 0 : Date.now() - late;
        const result = await subject.store.claimDue({ ...given, claim, earliestDueAt });
        if (result.leads.length > 0)
          subject.claims.push({ claim, leadIds: result.leads.map(({ id }) => id) });
        return result;
      },
    ),
  },
  {
    weight: 14,
    arbitrary: call(
      'recordAttempt',
      {
        claim: index,
        lead: index,
        isOwn: fc.integer({ min: 0, max: 9 }),
        outcome,
        next: maybe(fc.constantFrom(0, minute, hour)),
      },
      async (subject, given) => {
        const { claim, leadIds } = at(subject.claims, given.claim) ?? { claim: 'none', leadIds: [] };
        // One in ten is for a lead that the claim may not have.
        const leadId = at(given.isOwn > 0 ? leadIds : subject.leadIds(), given.lead) ?? 'nothing';
        const endedAt = Date.now();
        const attempt = {
          leadId,
          startedAt: endedAt - 5,
          endedAt,
          outcome: given.outcome,
          response: given.outcome,
        };
        const nextAttemptAt = given.next === undefined ? undefined : endedAt + given.next;
        subject.lastAttempt = { claim, attempt, nextAttemptAt };
        await subject.store.recordAttempt(claim, attempt, nextAttemptAt);
      },
    ),
  },
  {
    weight: 1,
    arbitrary: call('repeat recordAttempt', {}, async ({ store, lastAttempt }) => {
      if (lastAttempt === undefined) return;
      await store.recordAttempt(lastAttempt.claim, lastAttempt.attempt, lastAttempt.nextAttemptAt);
    }),
  },
  {
    weight: 2,
    arbitrary: call(
      'renewLease',
      { claim: index, lease: fc.constantFrom(1, hour) },
      async (subject, given) => {
        const claim = at(subject.claims, given.claim)?.claim ?? 'none';
        const held = await subject.store.renewLease(claim, subject.leadIds(), given.lease);
        // No order is promised.
        return held.toSorted();
      },
    ),
  },
  {
    weight: 1,
    arbitrary: call('dueLeads', { limit }, ({ store }, given) =>
      Array.fromAsync(store.dueLeads(given.limit)),
    ),
  },
  { weight: 1, arbitrary: call('nextAttemptAt', {}, ({ store }) => store.nextAttemptAt()) },
  {
    weight: 2,
    arbitrary: call(
      'pauseDelivery',
      {
        type: maybe(type),
        by: fc.constantFrom<PausedBy>('operator', 'dialler'),
        reason: fc.constantFrom('one', 'other'),
      },
      ({ store }, given) => store.pauseDelivery(given),
    ),
  },
  {
    weight: 3,
    arbitrary: call('resumeDelivery', { type: maybe(type) }, async ({ store }, given) => {
      const ended = await store.resumeDelivery(given.type);
      // No order is promised.
      return ended.toSorted((one, other) => one.by.localeCompare(other.by));
    }),
  },
  { weight: 1, arbitrary: call('pauses', {}, ({ store }) => store.pauses()) },
];

const isForced = fc.boolean();

/** Returns a lead for an operator's action: mostly a failed one, to which most actions apply. */
async function chosenLead(subject: Subject, given: { index: number; isFailed: boolean }): Promise<string> {
  const failed = await Array.fromAsync(subject.store.leads({ state: 'failed' }, 10));
  const ids = given.isFailed ? failed.map(({ id }) => id) : subject.leadIds();
  return at(ids, given.index) ?? 'nothing';
}

const lead = fc.record({ index, isFailed: fc.boolean() });

const operatorActions = [
  {
    weight: 4,
    arbitrary: call('retryLead', { lead, isForced }, async (subject, given) =>
      subject.store.retryLead(await chosenLead(subject, given.lead), given.isForced),
    ),
  },
  {
    weight: 4,
    arbitrary: call('resolveLead', { lead, wasDelivered: fc.boolean() }, async (subject, given) =>
      subject.store.resolveLead(await chosenLead(subject, given.lead), given.wasDelivered),
    ),
  },
  {
    weight: 4,
    arbitrary: call('rerunSubmission', { index, isForced }, (subject, given) =>
      subject.store.rerunSubmission(at(subject.sentIds, given.index) ?? 'nothing', given.isForced),
    ),
  },
  {
    weight: 2,
    arbitrary: call('prune', { age: fc.constantFrom(-1, hour, day) }, ({ store }, given) =>
      store.prune(Date.now() - given.age, ''),
    ),
  },
  {
    weight: 1,
    arbitrary: call('deleteIdempotencyRecords', { age: fc.constantFrom(-1, hour) }, ({ store }, given) =>
      store.deleteIdempotencyRecords(Date.now() - given.age),
    ),
  },
];

const rateLimit = fc.constantFrom<PartnerLimit>('off', 'default', { perSecond: 5, burst: 50 });

/** Returns the id of one of the last keys. */
async function chosenKey({ store }: Subject, given: number): Promise<string> {
  return at(await Array.fromAsync(store.keys(undefined)), given)?.id ?? 'nothing';
}

/** Ids and digests of keys are always new, as in the program: the error of a duplicate is the database's own. */
const registry = [
  call('addType', { type, recontactAfter: fc.constantFrom(null, 0, minute) }, ({ store }, given) =>
    given.type === 'nothing' ? nothing() : store.addType(given.type, given.recontactAfter),
  ),
  call('addPartner', { partner, types: fc.uniqueArray(type, { maxLength: 2 }) }, async (subject, given) => {
    const { id, name } = await subject.store.addPartner(given.partner, given.types);
    subject.partnerIds.set(name, id);
  }),
  call('grantType', { partner, type }, ({ store }, given) => store.grantType(given.partner, given.type)),
  call('limitPartner', { partner, rateLimit }, ({ store }, given) =>
    store.limitPartner(given.partner, given.rateLimit),
  ),
  call('addKey', { partner }, (subject, given) => {
    const number = subject.next();
    return subject.store.addKey(given.partner, `key ${number}`, `digest ${number}`);
  }),
  call('rotateKey', { index, until: fc.constantFrom(0, minute, day) }, async (subject, given) => {
    const number = subject.next();
    const next = { id: `key ${number}`, digest: `digest ${number}`, oldUntil: Date.now() + given.until };
    return subject.store.rotateKey(await chosenKey(subject, given.index), next);
  }),
  call('revokeKey', { index }, async (subject, given) =>
    subject.store.revokeKey(await chosenKey(subject, given.index)),
  ),
  call('keyHolder', { index }, async (subject, given) => {
    const id = await chosenKey(subject, given.index);
    const holder = await subject.store.keyHolder(id.replace('key', 'digest'));
    return holder && { ...holder, partner: holder.partner.name };
  }),
  call('recordKeyLastUsed', { index, age: fc.constantFrom(0, hour) }, async (subject, given) =>
    subject.store.recordKeyLastUsed(
      new Map([[await chosenKey(subject, given.index), Date.now() - given.age]]),
    ),
  ),
  call('addFirstPartner', {}, ({ store }) => store.addFirstPartner('demo', 'demo', 'demo', 'demo')),
  call('activeKeyDigests', {}, async ({ store }) => (await store.activeKeyDigests()).toSorted()),
  call('keys', { partner: maybe(partner) }, ({ store }, given) => Array.fromAsync(store.keys(given.partner))),
  call('types', {}, ({ store }) => Array.fromAsync(store.types())),
  call('partners', {}, ({ store }) => Array.fromAsync(store.partners())),
].map((arbitrary) => ({ weight: 1, arbitrary }));

const leadFilter = fc.record(
  {
    state: fc.constantFrom(...leadStates),
    isUndecided: fc.constant(true as const),
    type,
    partner,
    mobile,
  },
  { requiredKeys: [] },
);

const submissionFilter = fc.record(
  { outcome: fc.constantFrom(...submissionOutcomes), mobile },
  { requiredKeys: [] },
);

const lists = [
  call('leads', { leadFilter, limit }, ({ store }, given) =>
    Array.fromAsync(store.leads(given.leadFilter, given.limit)),
  ),
  call('submissions', { submissionFilter, limit }, ({ store }, given) =>
    Array.fromAsync(store.submissions(given.submissionFilter, given.limit)),
  ),
  call('attempts', { mobile }, ({ store }, given) => Array.fromAsync(store.attempts(given.mobile))),
  call('cancellations', { mobile }, ({ store }, given) => Array.fromAsync(store.cancellations(given.mobile))),
  call('workload', {}, ({ store }) => store.workload()),
  call('activity', {}, async (subject) => {
    // Its cursor contains numbers that PostgreSQL may skip; the next activity shows whether it is correct.
    const { cursor, submissions, attempts, failures } = await subject.store.activity(subject.cursor);
    subject.cursor = cursor;
    return {
      // No order is promised.
      submissions: submissions.map((each) => JSON.stringify(each)).toSorted(),
      attempts: attempts.map((each) => JSON.stringify(each)).toSorted(),
      failures: failures.map(({ id: _, ...failure }) => failure),
    };
  }),
].map((arbitrary) => ({ weight: 2, arbitrary }));

/** Time before a call (ms): none, so that two calls have the same time, or until leases, keys and re-contact periods end. */
const wait = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 6, arbitrary: fc.constant(1) },
  { weight: 2, arbitrary: fc.constantFrom(minute, hour) },
  { weight: 1, arbitrary: fc.constantFrom(hour + 1, day) },
);

/** Random sequences of calls. */
export const sequences: fc.Arbitrary<Call[]> = fc.array(
  fc
    .tuple(wait, fc.oneof(...requests, ...deliveries, ...operatorActions, ...registry, ...lists))
    .map(([milliseconds, made]) => ({
      wait: milliseconds,
      run: made.run,
      toString: () => `${milliseconds === 0 ? '' : `after ${milliseconds} ms: `}${made}`,
    })),
  { minLength: 1, maxLength: 60, size: 'max' },
);

/** Everything that a store holds, for a comparison at the end of a sequence. */
export async function contentsOf({ store }: Subject): Promise<unknown> {
  const rows: [name: string, rows: TableRow[]][] = [];
  // One after the other, so that one connection is enough on a busy machine.
  for (const table of tablesToCopy)
    rows.push([table.name, ranked(table, await store.rows(table, undefined, 1000))]);
  return { ...Object.fromEntries(rows), workload: await store.workload() };
}

/** Replaces the numbers that a store assigns by their rank: PostgreSQL skips some after a conflict. */
function ranked({ columns }: Table, rows: readonly TableRow[]): TableRow[] {
  return columns.reduce<TableRow[]>(
    (all, column, position) => {
      if (!['id', 'sequence', 'partner_id', 'type_id'].includes(column)) return all;
      const numbers = all.map((row) => row[position]).filter((value) => typeof value === 'number');
      const ranks = [...new Set(numbers)].toSorted((one, other) => one - other);
      return all.map((row) => {
        const value = row[position];
        return typeof value === 'number' ? row.with(position, ranks.indexOf(value) + 1) : row;
      });
    },
    [...rows],
  );
}
