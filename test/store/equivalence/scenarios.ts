/** Calls in a fixed order, for situations that random calls rarely bring about. */
import fc from 'fast-check';
import { after, type Call, minute, recontactAfter } from './call.ts';
import { claimDue, deliver, resumeDelivery } from './deliveries.ts';
import { submit } from './requests.ts';
import type { Subject } from './subject.ts';

/** A call of a scenario after some time (ms). */
function step(wait: number, name: string, run: Call['run']): Call {
  return after(wait, { run, toString: () => name });
}

const resumeAll = step(0, 'resume all deliveries', (subject) =>
  Promise.all([resumeDelivery(subject, undefined), resumeDelivery(subject, 'home')]),
);

/** Adds a lead of a person who has none. @param delays delay of the call (s) */
function addNewPerson(subject: Subject, delays: number): Promise<unknown> {
  const mobile = `+447840${String(260_000 + subject.next())}`;
  return submit(subject, {
    partner: 'first',
    type: 'home',
    mobile,
    delays,
    expiresAfter: undefined,
    priority: 0,
    age: 0,
    key: undefined,
    trace: undefined,
  });
}

function addSamePerson(subject: Subject): Promise<unknown> {
  const last = subject.requests.at(-1);
  if (last === undefined) throw new Error('A scenario adds a person before it adds the same person.');
  return submit(subject, last);
}

/** A dialled person is added again when the re-contact period ends, or one millisecond earlier. */
const addedAgain = fc
  .constantFrom(0, 1)
  .map((early) => [
    resumeAll,
    step(0, 'add a new person', (subject) => addNewPerson(subject, 0)),
    step(0, 'deliver all', (subject) => deliver(subject, { limit: 1000, outcome: 'delivered' })),
    step(recontactAfter - early, 'add the same person', addSamePerson),
  ]);

/** The lead that was added first is due last. */
const dueInAnotherOrder = [
  resumeAll,
  step(0, 'add a new person with a delay', (subject) => addNewPerson(subject, 60)),
  step(1, 'add a new person', (subject) => addNewPerson(subject, 0)),
  step(minute, 'list due leads', ({ store }) => Array.fromAsync(store.dueLeads(1000))),
  step(0, 'claim one lead', (subject) => claimDue(subject, { limit: 1, lease: minute })),
];

export const scenarios: fc.Arbitrary<Call[]> = fc.oneof(addedAgain, fc.constant(dueInAnotherOrder));
