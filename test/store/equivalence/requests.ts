/** Random requests of partners. */
import fc from 'fast-check';
import type { Submission } from '../../../src/leads/submission.ts';
import type { BulkResult, CancellationResult, SubmissionResult } from '../../../src/store/intake.ts';
import { at, call, index, maybe, mobile, nothing, partner, type } from './call.ts';
import { idempotencyOf, type SentRequest, type Subject } from './subject.ts';

const request: fc.Arbitrary<SentRequest> = fc.record({
  partner,
  type,
  mobile,
  age: fc.constantFrom(0, 0, 1000),
  delays: fc.constantFrom(0, 0, 60, 7200),
  expiresAfter: maybe(fc.constantFrom(500, 60_000)),
  priority: fc.constantFrom(0, 0, 3, 9),
  key: maybe(fc.constantFrom('one', 'two')),
  trace: maybe(fc.constant('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')),
});

/** Adds a lead. */
export function submit(subject: Subject, given: SentRequest): Promise<SubmissionResult> {
  const { key, delays } = given;
  const submission = submissionOf(subject, given);
  return subject.store.submit(submission, idempotencyOf(key, ['add', given.type, given.mobile, delays]));
}

function submissionOf(subject: Subject, given: SentRequest): Submission {
  subject.requests.push(given);
  const { age, delays, expiresAfter, priority, trace } = given;
  const receivedAt = Date.now() - age;
  const expiresAt = expiresAfter === undefined ? undefined : receivedAt + expiresAfter;
  const expires_at = expiresAt && new Date(expiresAt).toISOString();
  return {
    id: subject.newSentId(receivedAt),
    partnerId: subject.partnerId(given.partner),
    keyId: null,
    receivedAt,
    type: given.type,
    mobile: given.mobile,
    delays,
    content: JSON.stringify({ email: `${given.type}@x.example`, ...given, expires_at }),
    trace,
    expiresAt,
    priority,
  };
}

/** Adds leads of one partner with one request. */
function submitAll(
  subject: Subject,
  sent: readonly SentRequest[],
  partnerName: string,
  key: string | undefined,
): Promise<BulkResult> {
  const partnerId = subject.partnerId(partnerName);
  const submissions = sent.map((each) => submissionOf(subject, { ...each, partner: partnerName }));
  const idempotency = idempotencyOf(key, [
    'add all',
    sent.map((each) => [each.type, each.mobile, each.delays]),
  ]);
  const responseTo = (results: readonly SubmissionResult[]) =>
    JSON.stringify(results.map(({ outcome }) => outcome));
  return subject.store.submitAll(submissions, partnerId, idempotency && { ...idempotency, responseTo });
}

function cancel(subject: Subject, given: SentRequest): Promise<CancellationResult> {
  const receivedAt = Date.now() - given.age;
  const cancellation = {
    id: subject.newSentId(receivedAt),
    partnerId: subject.partnerId(given.partner),
    keyId: null,
    receivedAt,
    type: given.type,
    mobile: given.mobile,
    content: JSON.stringify(given),
  };
  return subject.store.cancel(cancellation, idempotencyOf(given.key, ['cancel', given.type, given.mobile]));
}

/** Sends a request, and records it if it can be replayed. */
function send(subject: Subject, given: SentRequest, how: typeof submit | typeof cancel): Promise<unknown> {
  if (given.key !== undefined) subject.keyed.push((other) => how(other, given));
  return how(subject, given);
}

/**
 * Ids of one process increase in the order of its requests, and PostgreSQL decides on requests at once in the order of
 * their ids. A server passes on only one request with an idempotency key at a time.
 */
const together = fc.array(
  request.map((each) => ({ ...each, age: 0, key: undefined })),
  { minLength: 2, maxLength: 4 },
);

export const requests = [
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
    weight: 3,
    arbitrary: call(
      'submit all',
      { together, partner, key: maybe(fc.constantFrom('one', 'two')) },
      (subject, given) => submitAll(subject, given.together, given.partner, given.key),
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
    weight: 4,
    arbitrary: call('submit again', { index }, (subject, given) => {
      const last = at(subject.requests, given.index);
      return last === undefined ? nothing() : submit(subject, { ...last, key: undefined, age: 0 });
    }),
  },
  {
    weight: 3,
    arbitrary: call('cancel what was submitted', { index }, (subject, given) => {
      const last = at(subject.requests, given.index);
      return last === undefined ? nothing() : cancel(subject, { ...last, key: undefined, age: 0 });
    }),
  },
  {
    weight: 2,
    arbitrary: call('leadStatus', { partner, type, mobile }, (subject, given) =>
      subject.store.leadStatus({ ...given, partnerId: subject.partnerId(given.partner) }),
    ),
  },
  {
    weight: 1,
    arbitrary: call('leadStatus by id', { partner, index }, (subject, given) =>
      subject.store.leadStatus({
        partnerId: subject.partnerId(given.partner),
        leadId: at(subject.leadIds(), given.index) ?? 'nothing',
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: call('partnerEvents', { partner }, async (subject, given) => {
      const partnerId = subject.partnerId(given.partner);
      const page = await subject.store.partnerEvents({ partnerId, after: undefined, limit: 1000 });
      // Their ids are random, the databases have their own clocks, and events of one call have no order.
      const comparable = page?.events.map(({ id: _, occurredAt: __, leadId, kind, ...event }) =>
        JSON.stringify([leadId, kind, event]),
      );
      return { events: comparable?.toSorted(), more: page?.more };
    }),
  },
  {
    weight: 1,
    arbitrary: call('deletePartnerEvents', { isAll: fc.boolean() }, ({ store }, given) =>
      store.deletePartnerEvents(given.isAll ? Date.now() * 2 : 1),
    ),
  },
  {
    weight: 1,
    arbitrary: call('isGranted', { partner, type }, (subject, given) =>
      subject.store.isGranted(subject.partnerId(given.partner), given.type),
    ),
  },
];
