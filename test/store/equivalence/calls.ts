/** Random sequences of calls of a store. */
import fc from 'fast-check';
import type { CallingHoursSetting } from '../../../src/leads/calling-hours/calling-hours.ts';
import { type LeadState, leadStates, submissionOutcomes } from '../../../src/leads/lead.ts';
import type { PartnerLimit } from '../../../src/partners/rate-limit.ts';
import type { ExportFilter } from '../../../src/store/exports.ts';
import { StoreKeys } from '../../../src/store/keys/store-keys.ts';
import type { ReportFilter } from '../../../src/store/reports.ts';
import {
  after,
  at,
  type Call,
  call,
  day,
  hour,
  index,
  limit,
  maybe,
  minute,
  mobile,
  nothing,
  partner,
  recontactAfter,
  type,
} from './call.ts';
import { callResults } from './call-results.ts';
import { deliveries } from './deliveries.ts';
import { numberRegistries } from './number-registries.ts';
import { requests } from './requests.ts';
import { scenarios } from './scenarios.ts';
import type { Subject } from './subject.ts';
import { suppressions } from './suppressions.ts';
import { withdrawals } from './withdrawals.ts';

/** The same for both stores, whose digests are compared. */
const keys = StoreKeys.parse('ab'.repeat(32), 'test');

/** Adds what exists from the start. */
export async function seed(subject: Subject): Promise<void> {
  const { store } = subject;
  await store.addType('motor', null);
  await store.addType('home', recontactAfter);
  subject.partnerIds.set('first', (await store.addPartner('first', ['motor', 'home'])).id);
  subject.partnerIds.set('second', (await store.addPartner('second', ['motor'])).id);
}

const isForced = fc.boolean();

/** Returns a lead for an operator's action: mostly one to whose state most actions apply. */
async function chosenLead(
  subject: Subject,
  given: { index: number; state: LeadState | undefined },
): Promise<string> {
  const { state } = given;
  const ids =
    state === undefined
      ? subject.leadIds()
      : (await Array.fromAsync(subject.store.leads({ state }, 10))).map(({ id }) => id);
  return at(ids, given.index) ?? 'nothing';
}

const lead = fc.record({
  index,
  state: fc.constantFrom<(LeadState | undefined)[]>(
    'failed',
    'failed',
    'dismissed',
    'held',
    'held',
    undefined,
    undefined,
  ),
});

const remainingFilter = fc.record({ partner, type }, { requiredKeys: [] });

const operatorActions = [
  {
    weight: 1,
    arbitrary: call('holdScheduled', { sinceNow: fc.constantFrom(-hour, 0, hour) }, ({ store }, given) =>
      store.holdScheduled(Date.now() + given.sinceNow),
    ),
  },
  {
    weight: 1,
    arbitrary: call('countScheduled', { sinceNow: fc.constantFrom(-hour, 0, hour) }, ({ store }, given) =>
      store.countScheduled(Date.now() + given.sinceNow),
    ),
  },
  {
    weight: 3,
    arbitrary: call('releaseLead', { lead, isForced }, async (subject, given) =>
      subject.store.releaseLead(await chosenLead(subject, given.lead), given.isForced),
    ),
  },
  {
    weight: 4,
    arbitrary: call('retryLead', { lead, isForced, isEarly: fc.boolean() }, async (subject, given) =>
      subject.store.retryLead(await chosenLead(subject, given.lead), given),
    ),
  },
  {
    weight: 4,
    arbitrary: call('resolveLead', { lead, wasDelivered: fc.boolean() }, async (subject, given) =>
      subject.store.resolveLead(await chosenLead(subject, given.lead), given.wasDelivered),
    ),
  },
  {
    weight: 1,
    arbitrary: call('checkCancellable', { lead, withdrawsAny: fc.boolean() }, async (subject, given) =>
      subject.store.checkCancellable(await chosenLead(subject, given.lead), given.withdrawsAny),
    ),
  },
  {
    weight: 3,
    arbitrary: call('cancelLead', { lead, withdrawsAny: fc.boolean() }, async (subject, given) =>
      subject.store.cancelLead(await chosenLead(subject, given.lead), given.withdrawsAny),
    ),
  },
  {
    weight: 3,
    arbitrary: call('dismissLead', { lead }, async (subject, given) =>
      subject.store.dismissLead(await chosenLead(subject, given.lead)),
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
    arbitrary: call('countRemainingLeads', { remainingFilter }, ({ store }, given) =>
      store.countRemainingLeads(given.remainingFilter),
    ),
  },
  {
    weight: 2,
    arbitrary: call('cancelRemainingLeads', { remainingFilter }, ({ store }, given) =>
      store.cancelRemainingLeads(given.remainingFilter),
    ),
  },
  {
    weight: 2,
    arbitrary: call('prune', { age: fc.constantFrom(-1, hour, day) }, ({ store }, given) =>
      store.prune(Date.now() - given.age, ''),
    ),
  },
  {
    weight: 2,
    arbitrary: call('pruneContacts', { age: fc.constantFrom(-1, hour, day) }, ({ store }, given) => {
      store.useKeys(keys);
      return store.pruneContacts(Date.now() - given.age, '');
    }),
  },
  { weight: 1, arbitrary: call('hasDigests', {}, ({ store }) => store.hasDigests()) },
  {
    weight: 1,
    arbitrary: call('listedMobiles', {}, ({ store }) => Array.fromAsync(store.listedMobiles())),
  },
  {
    weight: 1,
    arbitrary: call('countPrunable', { age: fc.constantFrom(-1, hour, day) }, ({ store }, given) =>
      store.countPrunable(Date.now() - given.age),
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

const callingHours = fc.constantFrom<CallingHoursSetting>('always', {
  hours: 'Mon-Fri 09:00-20:00',
  zone: 'Europe/London',
  country: 'GB',
  holidays: ['2026-12-25'],
});

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
  call('revokeType', { partner, type }, ({ store }, given) => store.revokeType(given.partner, given.type)),
  call('setConsentRequired', { type, isRequired: fc.boolean() }, ({ store }, given) =>
    store.setConsentRequired(given.type, given.isRequired),
  ),
  call('setRecontactAfter', { type, recontactAfter: fc.constantFrom(null, minute) }, ({ store }, given) =>
    store.setRecontactAfter(given.type, given.recontactAfter),
  ),
  call('renameType', { type, newName: type }, ({ store }, given) =>
    given.newName === 'nothing' ? nothing() : store.renameType(given.type, given.newName),
  ),
  call('setCallingHours', { type, callingHours }, ({ store }, given) =>
    store.setCallingHours(given.type, given.callingHours),
  ),
  call('callingHours', {}, async ({ store }) =>
    // No order is promised.
    (await store.callingHours()).toSorted((one, other) => (one.name < other.name ? -1 : 1)),
  ),
  call('reconsiderWaiting', { type }, ({ store }, given) => store.reconsiderWaiting(given.type, Date.now())),
  call('postponeScheduled', { type, wait: fc.constantFrom(1_000, hour) }, async ({ store }, given) => {
    const since = Date.now();
    const leads = await store.scheduledLeads(given.type, { id: '', nextAttemptAt: since });
    const postponed = leads.map((lead) => ({
      ...lead,
      opensAt: lead.nextAttemptAt + given.wait,
      waitsFor: 'calling-hours' as const,
    }));
    return store.postponeScheduled(postponed, since);
  }),
  call('retireType', { type }, ({ store }, given) => store.retireType(given.type)),
  call('unretireType', { type }, ({ store }, given) => store.unretireType(given.type)),
  call('suspendPartner', { partner }, ({ store }, given) => store.suspendPartner(given.partner)),
  call('resumePartner', { partner }, ({ store }, given) => store.resumePartner(given.partner)),
  call('deletePartner', { partner: fc.constantFrom('second', 'third') }, ({ store }, given) =>
    store.deletePartner(given.partner),
  ),
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
  call('keyByDigest', { index }, async (subject, given) =>
    subject.store.keyByDigest((await chosenKey(subject, given.index)).replace('key', 'digest')),
  ),
  call('recordKeyLastUsed', { index, age: fc.constantFrom(0, hour) }, async (subject, given) =>
    subject.store.recordKeyLastUsed(
      new Map([[await chosenKey(subject, given.index), Date.now() - given.age]]),
    ),
  ),
  call('addFirstPartner', {}, ({ store }) => store.addFirstPartner('demo', 'demo', 'demo', 'demo')),
  call('activeKeyDigests', {}, async ({ store }) => (await store.activeKeyDigests()).toSorted()),
  call('keys', { partner: maybe(partner) }, ({ store }, given) => Array.fromAsync(store.keys(given.partner))),
  call('consentRules', {}, async (subject) => {
    const rules = await subject.store.consentRules();
    return rules.map(({ type }) => type).toSorted();
  }),
  call('types', {}, ({ store }) => Array.fromAsync(store.types())),
  call('partners', {}, ({ store }) => Array.fromAsync(store.partners(), ({ id: _, ...partner }) => partner)),
].map((arbitrary) => ({ weight: 1, arbitrary }));

const setting = fc.record({ name: fc.constantFrom('one', 'two'), value: fc.constantFrom('a', 'b') });

const rejection = fc.record({
  partner,
  outcome: fc.constantFrom('rate-limited', 'validation-failed'),
  age: fc.constantFrom(0, hour, day),
});

function startOfDay(time: number): number {
  return time - (time % day);
}

const settingsAndRejections = [
  call('recordSettings', { setting }, ({ store }, given) =>
    store.recordSettings({ [given.setting.name]: given.setting.value }),
  ),
  call('setSetting', { setting }, ({ store }, given) =>
    store.setSetting(given.setting.name, given.setting.value),
  ),
  call('settings', {}, ({ store }) => store.settings()),
  call('recordRejections', { rejections: fc.array(rejection, { maxLength: 3 }) }, (subject, given) =>
    subject.store.recordRejections(
      given.rejections.map((each) => {
        const lastAt = Date.now() - each.age;
        return {
          partnerId: subject.partnerId(each.partner),
          operation: 'addLead',
          outcome: each.outcome,
          reason: each.outcome,
          day: lastAt - (lastAt % day),
          count: 1,
          lastAt,
          lastRequestId: `request ${subject.next()}`,
        };
      }),
    ),
  ),
  call('rejections', { partner: maybe(partner), limit }, ({ store }, given) =>
    Array.fromAsync(store.rejections(given.partner, given.limit)),
  ),
  call(
    'recordAccepted',
    { partner, age: fc.constantFrom(0, day), accepted: fc.integer({ min: 1, max: 9 }) },
    (subject, given) =>
      subject.store.recordAccepted([
        {
          partnerId: subject.partnerId(given.partner),
          day: startOfDay(Date.now() - given.age),
          accepted: given.accepted,
        },
      ]),
  ),
  call('acceptedOn', { age: fc.constantFrom(0, day) }, async ({ store }, given) =>
    (await store.acceptedOn(startOfDay(Date.now() - given.age))).map(({ accepted }) => accepted),
  ),
  call('deletePartnerUsage', { age: fc.constantFrom(0, day) }, ({ store }, given) =>
    store.deletePartnerUsage(Date.now() - given.age),
  ),
  call(
    'renewRequestShare',
    {
      server: fc.constantFrom('one', 'two', 'three', 'four'),
      held: fc.integer({ min: 0, max: 3 }),
      duration: fc.constantFrom(0, hour),
    },
    ({ store }, given) => store.renewRequestShare({ total: 9, max: 3, ...given }),
  ),
  call('endRequestShare', { server: fc.constantFrom('one', 'two') }, ({ store }, given) =>
    store.endRequestShare(given.server),
  ),
  call('setMaxPriority', { partner, priority: fc.constantFrom(0, 5, 9) }, ({ store }, given) =>
    store.setMaxPriority(given.partner, given.priority),
  ),
  call('setDailyQuota', { partner, quota: fc.constantFrom(null, 5) }, ({ store }, given) =>
    store.setDailyQuota(given.partner, given.quota),
  ),
  call('deleteRejections', { age: fc.constantFrom(0, day) }, ({ store }, given) =>
    store.deleteRejections(Date.now() - given.age),
  ),
].map((arbitrary) => ({ weight: 1, arbitrary }));

const leadFilter = fc.record(
  {
    state: fc.constantFrom(...leadStates),
    isUndecided: fc.constant(true as const),
    isWaitingForRetry: fc.constant(true as const),
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

/** An export of what is at most or at least so old (ms). */
const age = fc.constantFrom(0, 1, minute, hour, day);
const exportFilter = fc.record({ from: age, before: age, type, partner }, { requiredKeys: [] });

function timesOf({ from, before, ...filter }: { from?: number; before?: number }): ExportFilter {
  const now = Date.now();
  return {
    ...filter,
    ...(from !== undefined && { from: now - from }),
    ...(before !== undefined && { before: now - before }),
  };
}

function reportFilterOf(filter: { from?: number; before?: number; partner?: string }): ReportFilter {
  const { from = 0, before = Date.now() + day, partner } = timesOf(filter);
  return { from, before, partner };
}

const lists = [
  call('leads', { leadFilter, limit }, ({ store }, given) =>
    Array.fromAsync(store.leads(given.leadFilter, given.limit)),
  ),
  call('submissions', { submissionFilter, limit }, ({ store }, given) =>
    Array.fromAsync(store.submissions(given.submissionFilter, given.limit)),
  ),
  call('exportLeads', { exportFilter }, ({ store }, given) =>
    Array.fromAsync(store.exportLeads(timesOf(given.exportFilter))),
  ),
  call('exportSubmissions', { exportFilter }, ({ store }, given) =>
    Array.fromAsync(store.exportSubmissions(timesOf(given.exportFilter))),
  ),
  call('reportedSubmissions', { exportFilter }, async ({ store }, given) =>
    (await Array.fromAsync(store.reportedSubmissions(reportFilterOf(given.exportFilter)))).flat(),
  ),
  call('reportedRejections', { exportFilter }, ({ store }, given) =>
    store.reportedRejections(reportFilterOf(given.exportFilter)),
  ),
  call('attempts', { mobile }, ({ store }, given) => Array.fromAsync(store.attempts(given.mobile))),
  call('leadActions', { mobile }, ({ store }, given) => Array.fromAsync(store.leadActions(given.mobile))),
  call('cancellations', { mobile }, ({ store }, given) => Array.fromAsync(store.cancellations(given.mobile))),
  call('mobileOf', { index }, ({ store, sentIds }, given) =>
    store.mobileOf(at(sentIds, given.index) ?? 'nothing'),
  ),
  call('mobilesOfEmail', { type }, ({ store }, given) => store.mobilesOfEmail(`${given.type}@x.example`)),
  call('leadStats', {}, ({ store }) => store.leadStats()),
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

/** Time before a call (ms): none, so that two calls have the same time; or until leases, keys and retries end. */
export const wait: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 6, arbitrary: fc.constant(1) },
  { weight: 2, arbitrary: fc.constantFrom(minute, hour) },
  { weight: 1, arbitrary: fc.constantFrom(hour + 1, day) },
);

const singleCalls: fc.Arbitrary<Call[]> = fc
  .tuple(
    wait,
    fc.oneof(
      ...requests,
      ...deliveries,
      ...operatorActions,
      ...suppressions,
      ...numberRegistries,
      ...withdrawals,
      ...callResults,
      ...operatorActions,
      ...registry,
      ...settingsAndRejections,
      ...lists,
    ),
  )
  .map(([milliseconds, made]) => [after(milliseconds, made)]);

/** Random sequences of calls. */
export const sequences: fc.Arbitrary<Call[]> = fc
  .array(fc.oneof({ weight: 20, arbitrary: singleCalls }, { weight: 1, arbitrary: scenarios }), {
    minLength: 1,
    maxLength: 60,
    size: 'max',
  })
  .map((parts) => parts.flat());
