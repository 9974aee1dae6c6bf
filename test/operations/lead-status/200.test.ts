/** Partners use this response to tell a person whether a call is still to come. */
import { expect, onTestFinished, test, vi } from 'vitest';
import type { WithdrawalAttemptOutcome } from '../../../src/leads/withdrawal.ts';
import { post } from '../../harness/client.ts';
import { requestValue, responseValue } from '../../harness/contract.ts';
import { type Scenario, testEveryExample } from '../../harness/examples.ts';
import {
  addPartner,
  cancel,
  deliverDue,
  endDueAsTooLate,
  leadsIn,
  startServer,
  type TestServer,
} from '../../harness/server.ts';
import { operatorEntry } from '../../harness/suppressions.ts';

const wanted = requestValue('leadStatus', 'scheduled');

/** The times in an example. */
interface ExampleTimes {
  accepted_at: string;
  due_at: string;
  dialled_at: string | null;
  result_at?: string;
}

/** Sets the clock without stopping timers. */
function setClock(time: string): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(time) });
  onTestFinished(() => void vi.useRealTimers());
}

/** Adds a lead at the time and with the delay of an example. */
async function addExample(server: TestServer, example: string): Promise<ExampleTimes> {
  // The cast: by the contract, each example with a lead has these members.
  const expected = responseValue('leadStatus', 200, example) as ExampleTimes;
  setClock(expected.accepted_at);
  const delays = (Date.parse(expected.due_at) - Date.parse(expected.accepted_at)) / 1_000;
  await post(server, 'addLead', { ...requestValue('addLead', 'accepted'), delays });
  return expected;
}

async function onlyLeadId(server: TestServer): Promise<string> {
  const [lead] = await leadsIn(server.store);
  return lead?.id ?? expect.fail('There is no lead.');
}

/** Cancels the lead of an example after its delivery. Its type withdraws leads. */
async function cancelDialled(server: TestServer, example: string): Promise<void> {
  await server.store.setWithdraws(server.type, true);
  const { accepted_at, dialled_at } = await addExample(server, example);
  setClock(dialled_at ?? accepted_at);
  await deliverDue(server.store);
  const [lead] = await leadsIn(server.store);
  const wanted = { partnerId: 1, type: server.type, mobile: lead?.mobile ?? '' };
  await cancel(server.store, wanted);
}

/** Records the only attempt to withdraw a lead. */
async function endWithdrawal(server: TestServer, outcome: WithdrawalAttemptOutcome): Promise<void> {
  const { store } = server;
  const [withdrawal] = await store.claimWithdrawals({ claim: 'test', limit: 1, lease: 1_000 });
  const attempt = { leadId: withdrawal?.id ?? '', endedAt: Date.now(), outcome, response: 'HTTP 204' };
  await store.recordWithdrawal('test', attempt, undefined);
}

const scenarios: Record<string, Scenario> = {
  scheduled: { arrange: async (server) => void (await addExample(server, 'scheduled')) },
  dialled: {
    arrange: async (server) => {
      const { dialled_at } = await addExample(server, 'dialled');
      setClock(dialled_at ?? '');
      await deliverDue(server.store);
    },
  },
  'with-result': {
    arrange: async (server) => {
      const { dialled_at, result_at } = await addExample(server, 'with-result');
      setClock(dialled_at ?? '');
      await deliverDue(server.store);
      await server.store.recordCallResult({
        leadId: await onlyLeadId(server),
        callId: 'V1231230431000000009',
        code: 'NI',
        result: 'not-interested',
        calledAt: Date.parse(result_at ?? ''),
        talkTime: 42,
        receivedAt: Date.now(),
        dialler: 'vicidial',
        types: undefined,
      });
    },
  },
  cancelled: {
    arrange: async (server) => {
      await addExample(server, 'cancelled');
      await post(server, 'cancelLead', requestValue('cancelLead', 'cancelled'));
    },
  },
  'by-lead-id': {
    arrange: async (server) => void (await addExample(server, 'by-lead-id')),
    send: async (server) => post(server, 'leadStatus', { lead_id: await onlyLeadId(server) }),
  },
  failed: {
    arrange: async (server) => {
      await addExample(server, 'failed');
      await deliverDue(server.store, 'rejected');
    },
  },
  suppressed: {
    arrange: async (server) => {
      await addExample(server, 'suppressed');
      await server.store.addSuppressions([operatorEntry('+447840258823')]);
    },
  },
  'withdrawal-pending': { arrange: (server) => cancelDialled(server, 'withdrawal-pending') },
  withdrawn: {
    arrange: async (server) => {
      await cancelDialled(server, 'withdrawn');
      await endWithdrawal(server, 'withdrawn');
    },
  },
  'withdrawal-too-late': {
    arrange: async (server) => {
      await cancelDialled(server, 'withdrawal-too-late');
      await endWithdrawal(server, 'too-late');
    },
  },
  'withdrawal-failed': {
    arrange: async (server) => {
      await cancelDialled(server, 'withdrawal-failed');
      await endWithdrawal(server, 'unavailable');
    },
  },
  expired: {
    arrange: async (server) => {
      await addExample(server, 'expired');
      await endDueAsTooLate(server.store);
    },
  },
};

testEveryExample('leadStatus', 200, scenarios);

test('returns the id and due time only with an accepted lead', async () => {
  const server = await startServer();
  const lead = requestValue('addLead', 'delayed');
  const accepted = await post(server, 'addLead', lead);
  const { json } = await post(server, 'leadStatus', wanted);
  expect(json).toMatchObject({ found: true, due_at: accepted.headers['lead-due'] });
  const [record] = await Array.fromAsync(server.store.leads({}, 1));
  expect(accepted.headers['lead-id']).toBe(record?.id);
  for (const body of [lead, { ...lead, test: true }, { ...lead, type: 'nobody-has-this' }]) {
    expect((await post(server, 'addLead', body)).headers).not.toHaveProperty('lead-id');
  }
});

test('finds each lead of a person by its id, and the latest one by phone number and type', async () => {
  const server = await startServer();
  const lead = requestValue('addLead', 'delayed');
  const { headers: first } = await post(server, 'addLead', lead);
  await post(server, 'cancelLead', requestValue('cancelLead', 'cancelled'));
  const { headers: second } = await post(server, 'addLead', lead);
  const statusOf = async (body: object) => (await post(server, 'leadStatus', body)).json;
  expect(await statusOf({ lead_id: first['lead-id'] })).toMatchObject({
    lead_id: first['lead-id'],
    state: 'cancelled',
  });
  const latest = { lead_id: second['lead-id'], state: 'scheduled', due_at: second['lead-due'] };
  expect(await statusOf({ lead_id: second['lead-id'] })).toMatchObject(latest);
  expect(await statusOf(wanted)).toMatchObject(latest);
  expect(await statusOf({ lead_id: '0'.repeat(20) })).toEqual(responseValue('leadStatus', 200, 'not-found'));
});

test.each([
  [{ lead_id: '  ' }, ['mobile', 'type']],
  [{ lead_id: null, mobile: '07840258823' }, ['type']],
  [{}, ['mobile', 'type']],
])('requires a phone number and a type without an id: %j', async (body, fields) => {
  const server = await startServer();
  const { status, json } = await post(server, 'leadStatus', body);
  expect(status).toBe(400);
  const label = { mobile: 'Mobile', type: 'Type' };
  expect(json).toEqual(
    Object.fromEntries(fields.map((name) => [name, { 0: `${Object(label)[name]} cannot be blank.` }])),
  );
});

test('ignores a blank phone number and type beside an id', async () => {
  const server = await startServer();
  const { headers } = await post(server, 'addLead', requestValue('addLead', 'accepted'));
  const { json } = await post(server, 'leadStatus', { lead_id: headers['lead-id'], mobile: '', type: null });
  expect(json).toMatchObject({ found: true });
});

test('reports another partner’s lead as not found', async () => {
  const server = await startServer();
  const other = await addPartner(server, 'other');
  const forMissingLead = await post(other, 'leadStatus', wanted);
  const { headers } = await post(server, 'addLead', requestValue('addLead', 'accepted'));
  for (const body of [wanted, { lead_id: headers['lead-id'] }]) {
    const forOthersLead = await post(other, 'leadStatus', body);
    expect([forOthersLead.status, forOthersLead.text]).toEqual([forMissingLead.status, forMissingLead.text]);
  }
  expect(forMissingLead.json).toEqual(responseValue('leadStatus', 200, 'not-found'));
});

test('reports a lead as not found if its type is unknown or not granted', async () => {
  const server = await startServer();
  await server.store.addType('home-insurance', null);
  await post(server, 'addLead', requestValue('addLead', 'accepted'));
  for (const type of ['home-insurance', 'nobody-has-this']) {
    const { json } = await post(server, 'leadStatus', { ...wanted, type });
    expect(json).toEqual(responseValue('leadStatus', 200, 'not-found'));
  }
});

test('accepts another spelling of the phone number', async () => {
  const server = await startServer();
  await post(server, 'addLead', requestValue('addLead', 'accepted'));
  const { json } = await post(server, 'leadStatus', { ...wanted, mobile: '+44 (0)7840 258823' });
  expect(json).toMatchObject({ found: true });
});
