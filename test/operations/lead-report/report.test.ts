/** Partners compare these figures with what they sent. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { newIdentifier } from '../../../src/leads/identifier.ts';
import { post } from '../../harness/client.ts';
import { requestValue } from '../../harness/contract.ts';
import { testEveryExample } from '../../harness/examples.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { addPartner, claim, leadsIn, startServer, type TestServer } from '../../harness/server.ts';

const person = requestValue('addLead', 'accepted');

// Before the servers start: no identifier may be later than the examples.
beforeEach(() => setClock('2026-11-23T08:00:00Z'));
afterEach(() => void vi.useRealTimers());

/** Sets the clock without stopping timers. */
function setClock(time: string): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(time) });
}

function add(server: TestServer, index: number, type = 'motor-trade') {
  return post(server, 'addLead', { ...person, mobile: mobileOf(index), type });
}

/** Delivers the due leads, each a number of seconds after it was due, and records a result for each. */
async function deliver(
  server: TestServer,
  calls: readonly { seconds: number; result: 'answered' | 'converted' | 'no-answer' }[],
) {
  const leads = await claim(server.store, 'test', { limit: calls.length });
  for (const [index, { seconds, result }] of calls.entries()) {
    const { id: leadId, dueAt } = leads[index] ?? expect.fail('No lead is due.');
    const at = dueAt + seconds * 1_000;
    const attempt = {
      leadId,
      startedAt: dueAt,
      endedAt: at,
      outcome: 'delivered',
      response: 'HTTP 204',
    } as const;
    await server.store.recordAttempt('test', attempt, undefined);
    await server.store.recordCallResult({
      leadId,
      callId: newIdentifier(at),
      code: result,
      result,
      calledAt: at,
      talkTime: null,
      receivedAt: at,
      dialler: 'webhook',
      types: undefined,
    });
  }
}

/** Records what `RejectionCounter` saves for an invalid request on a day. */
async function reject(server: TestServer, day: string): Promise<void> {
  const partners = await Array.fromAsync(server.store.partners());
  await server.store.recordRejections([
    {
      partnerId: partners.find(({ name }) => name === server.partner)?.id ?? 0,
      operation: 'addLead',
      outcome: 'validation-failed',
      reason: 'Mobile cannot be blank.',
      day: Date.parse(day),
      count: 1,
      lastAt: Date.parse(day),
      lastRequestId: 'one',
    },
  ]);
}

testEveryExample('leadReport', 200, {
  'by-type': {
    arrange: async (server) => {
      setClock('2026-11-23T09:00:00Z');
      await post(server, 'addLead', { ...person, delays: 600 });
    },
  },
  'by-day': {
    arrange: async (server) => {
      setClock('2026-11-23T09:00:00Z');
      for (const index of [0, 1, 0]) await add(server, index);
      await add(server, 2, 'unknown');
      await deliver(server, [
        { seconds: 1, result: 'converted' },
        { seconds: 2, result: 'no-answer' },
      ]);
      setClock('2026-11-24T09:00:00Z');
      await post(server, 'addLead', { ...person, delays: 600 });
      await post(server, 'cancelLead', requestValue('cancelLead', 'cancelled'));
      await reject(server, '2026-11-24');
    },
  },
  'by-outcome': {
    arrange: async (server) => {
      setClock('2026-11-23T09:00:00Z');
      await add(server, 0);
      await deliver(server, [{ seconds: 1, result: 'answered' }]);
      await post(server, 'addLead', { ...person, delays: 600 });
      await post(server, 'addLead', person);
      await reject(server, '2026-11-23');
    },
  },
});

test('counts only the leads of the partner, the rows of add-many included, and no tests', async () => {
  const server = await startServer();
  const other = await addPartner(server, 'other');
  await add(other, 0);
  const leads = [1, 2].map((index) => ({ ...person, ref: String(index), mobile: mobileOf(index) }));
  await post(server, 'addLeads', { leads: [...leads, { ...leads[0], ref: '3', test: true }] });
  const { json } = await post(server, 'leadReport', {});
  expect(json).toMatchObject({ by: 'day', total: { requests: 2, accepted: 2, scheduled: 2 } });
  expect(await leadsIn(server.store)).toHaveLength(3);
});

test('treats blank fields as missing', async () => {
  const server = await startServer();
  const today = new Date().toISOString().slice(0, 10);
  const { status, json } = await post(server, 'leadReport', { from: ' ', to: null, by: '' });
  expect({ status, json }).toMatchObject({ status: 200, json: { to: today, by: 'day' } });
});

test('covers up to 31 days, the first and the last one included', async () => {
  const server = await startServer();
  const period = (from: string, to: string) => post(server, 'leadReport', { from, to });
  expect((await period('2026-10-01', '2026-10-31')).status).toBe(200);
  expect((await period('2026-10-01', '2026-11-01')).status).toBe(400);
});

test('reports only that a day does not exist, whatever the other one is', async () => {
  const server = await startServer();
  const messages = async (body: object) => (await post(server, 'leadReport', body)).json;
  const fromMessage = { from: { 0: 'From is not a valid date (YYYY-MM-DD).' } };
  const toMessage = { to: { 0: 'To is not a valid date (YYYY-MM-DD).' } };
  expect(await messages({ from: '2026-11-31', to: '2026-11-23' })).toEqual(fromMessage);
  expect(await messages({ from: '2026-11-24', to: '2026-09-31' })).toEqual(toMessage);
});
