/** After this response, nobody may call the person. */
import { expect, test } from 'vitest';
import { post } from '../../harness/client.ts';
import { requestValue, responseValue } from '../../harness/contract.ts';
import { testEveryExample } from '../../harness/examples.ts';
import { addPartner, claim, leadsIn, startServer, type TestServer } from '../../harness/server.ts';

const recorded = responseValue('doNotCall', 200, 'recorded');
const lead = requestValue('addLead', 'accepted');
const sent = requestValue('doNotCall', 'recorded');
const mobile = '+447840258823';

testEveryExample('doNotCall', 200);

async function entriesIn({ store }: TestServer) {
  const entries = await Array.fromAsync(store.suppressions({}, 100));
  return entries.map(({ enteredAt: _, objectedAt: __, keyId: ___, ...entry }) => entry);
}

test('suppresses the lead of the person, and the person is not accepted again, from any partner', async () => {
  const server = await startServer();
  await post(server, 'addLead', lead);
  expect((await post(server, 'doNotCall', sent)).json).toEqual(recorded);
  expect(await leadsIn(server.store)).toMatchObject([{ state: 'suppressed' }]);
  const other = await addPartner(server, 'other');
  for (const partner of [server, other]) {
    const { json } = await post(partner, 'addLead', lead);
    expect(json).toEqual(responseValue('addLead', 200, 'do-not-call'));
  }
  expect((await post(server, 'leadStatus', { mobile, type: lead['type'] })).json).toMatchObject({
    state: 'suppressed',
  });
  const { json } = await post(server, 'cancelLead', { mobile, type: lead['type'] });
  expect(json).toEqual(responseValue('cancelLead', 200, 'not-found'));
});

test('responds byte for byte the same, whatever is known about the person', async () => {
  const server = await startServer();
  const other = await addPartner(server, 'other');
  const responses = [];
  responses.push(await post(server, 'doNotCall', sent));
  responses.push(await post(server, 'doNotCall', sent));
  responses.push(await post(other, 'doNotCall', { mobile: '0044 7840 258823', type: null, reason: ' ' }));
  await post(server, 'addLead', { ...lead, mobile: '07840258824' });
  responses.push(await post(other, 'doNotCall', { mobile: '07840258824' }));
  expect(new Set(responses.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
  const headers = responses.map(({ headers }) => Object.keys(headers).toSorted().join());
  expect(new Set(headers).size).toBe(1);
  expect(await entriesIn(server)).toEqual(
    [
      { mobile, type: undefined, source: 'partner', sourceId: server.partner, reason: undefined },
      { mobile, type: undefined, source: 'partner', sourceId: 'other', reason: undefined },
      { mobile: '+447840258824', type: undefined, source: 'partner', sourceId: 'other', reason: undefined },
    ].toSorted((one, next) => (one.mobile + one.sourceId < next.mobile + next.sourceId ? -1 : 1)),
  );
});

test('records the key, the reason, the time of the request and the type under its current name', async () => {
  const server = await startServer();
  const before = Date.now();
  const reason = 'Asked by e-mail not to be called again.';
  await server.store.renameType(server.type, 'cars');
  await post(server, 'doNotCall', { mobile, type: server.type, reason });
  const [entry] = await server.store.suppressionsOf(mobile);
  const [key] = await Array.fromAsync(server.store.keys(server.partner));
  expect(entry).toMatchObject({ type: 'cars', reason, keyId: key?.id });
  expect(entry?.objectedAt).toBeGreaterThanOrEqual(before);
  expect(entry?.objectedAt).toBeLessThanOrEqual(Date.now());
});

test('records an objection with a misspelt type for all types', async () => {
  const server = await startServer();
  await post(server, 'doNotCall', { mobile, type: 'motor-trader' });
  expect((await post(server, 'addLead', lead)).json).toEqual(responseValue('addLead', 200, 'do-not-call'));
});

test('accepts a number that the call centre does not call', async () => {
  const server = await startServer();
  expect((await post(server, 'doNotCall', { mobile: '0909 879 0000' })).json).toEqual(recorded);
});

test('responds once an attempt of a claim before it has ended, and the lead is withdrawn', async () => {
  const server = await startServer();
  await post(server, 'addLead', lead);
  const [claimed] = await claim(server.store, 'test');
  let isAttempting = true;
  const response = post(server, 'doNotCall', sent).then(({ json }) => {
    expect(isAttempting).toBe(false);
    return json;
  });
  const id = claimed?.id ?? '';
  await expect.poll(async () => (await server.store.withdrawalOf(id))?.cause).toBe('objection');
  isAttempting = false;
  await server.store.recordAttempt(
    'test',
    { leadId: id, startedAt: 1, endedAt: 2, outcome: 'delivered', response: '' },
    undefined,
  );
  expect(await response).toEqual(recorded);
  expect(await leadsIn(server.store)).toMatchObject([{ state: 'dialled' }]);
});

test('responds after two seconds while an attempt continues, which has certainly started', async () => {
  const server = await startServer();
  await post(server, 'addLead', { ...lead, mobile: '07840258824', other_phone: '07840258823' });
  await claim(server.store, 'test');
  const begun = performance.now();
  expect((await post(server, 'doNotCall', sent)).json).toEqual(recorded);
  expect(performance.now() - begun).toBeGreaterThan(2_000);
  expect((await post(server, 'doNotCall', { mobile: '07840258825' })).json).toEqual(recorded);
});
