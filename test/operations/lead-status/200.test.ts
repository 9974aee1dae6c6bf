/** Partners use this response to tell a person whether a call is still to come. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { digestOf, newKey } from '../../../src/partners/key.ts';
import { post } from '../../harness/client.ts';
import { requestValue, responseValue } from '../../harness/contract.ts';
import { type Scenario, testEveryExample } from '../../harness/examples.ts';
import { deliverDue, startServer, type TestServer } from '../../harness/server.ts';

const wanted = requestValue('leadStatus', 'scheduled');

/** The times in an example. */
interface ExampleTimes {
  accepted_at: string;
  due_at: string;
  dialled_at: string | null;
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

const scenarios: Record<string, Scenario> = {
  scheduled: { arrange: async (server) => void (await addExample(server, 'scheduled')) },
  dialled: {
    arrange: async (server) => {
      const { dialled_at } = await addExample(server, 'dialled');
      setClock(dialled_at ?? '');
      await deliverDue(server.store);
    },
  },
  cancelled: {
    arrange: async (server) => {
      await addExample(server, 'cancelled');
      await post(server, 'cancelLead', requestValue('cancelLead', 'cancelled'));
    },
  },
  failed: {
    arrange: async (server) => {
      await addExample(server, 'failed');
      await deliverDue(server.store, 'rejected');
    },
  },
  expired: {
    arrange: async (server) => {
      await addExample(server, 'expired');
      const now = Date.now();
      await server.store.claimDue({ claim: 'test', limit: 1, lease: 1_000, earliestDueAt: now + 1 });
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

test('reports another partner’s lead as not found', async () => {
  const server = await startServer();
  const key = newKey();
  await server.store.addPartner('other', [server.type]);
  await server.store.addKey('other', 'other-key', digestOf(key));
  const other = { url: server.url, key };
  const forMissingLead = await post(other, 'leadStatus', wanted);
  await post(server, 'addLead', requestValue('addLead', 'accepted'));
  const forOthersLead = await post(other, 'leadStatus', wanted);
  expect([forOthersLead.status, forOthersLead.text]).toEqual([forMissingLead.status, forMissingLead.text]);
  expect(forOthersLead.json).toEqual(responseValue('leadStatus', 200, 'not-found'));
});

test('reports a lead as not found if its type is unknown or not granted', async () => {
  const server = await startServer();
  await server.store.addType('home-insurance', null);
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
