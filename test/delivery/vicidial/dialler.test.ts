/** What the dialler for VICIdial sends, and how it interprets each response, without a dispatcher. */
import { expect, test } from 'vitest';
import { createVicidial } from '../../../src/delivery/diallers/vicidial/vicidial.ts';
import { phoneParsers } from '../../../src/leads/phone.ts';
import { phpForm } from '../../harness/php-form.ts';
import {
  type Behaviour,
  holdRequests,
  type Receiver,
  respondWith,
  startReceiver,
} from '../../harness/receiver.ts';
import { claimedLead, noContext } from '../claimed-lead.ts';

const added = 'SUCCESS: add_lead LEAD HAS BEEN ADDED - 7840258823|1001|42||leadsapi\n';

function vicidialAt({ url }: Pick<Receiver, 'url'>, concurrency = 50) {
  return createVicidial(
    {
      DIALLER_URL: url,
      DIALLER_USER: 'leadsapi',
      DIALLER_PASSWORD: 'correct horse',
      DIALLER_LISTS: '{"motor": 1001}',
    },
    { parsePhone: phoneParsers('GB').parse, concurrency, timeout: 20_000 },
  );
}

/** Delivers a lead to a receiver, and returns the result. */
async function deliverTo(behave: Behaviour, submitted: object = {}) {
  const receiver = await startReceiver(behave);
  const { connectionReleased, ...result } = await vicidialAt(receiver).deliver(
    claimedLead(submitted),
    AbortSignal.timeout(20_000),
    noContext,
  );
  await connectionReleased;
  return { receiver, result };
}

test('posts a form with the credentials, the function and the source', async () => {
  let method: string | undefined;
  const { receiver, result } = await deliverTo((_received, outgoing, incoming) => {
    method = incoming.method;
    outgoing.end(added);
  });
  expect(method).toBe('POST');
  expect(receiver.received[0]?.headers).toMatchObject({
    'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
    'user-agent': 'leads-api',
  });
  expect(phpForm(receiver.received[0]?.body ?? '')).toMatchObject({
    source: 'leadsapi',
    user: 'leadsapi',
    pass: 'correct horse',
    function: 'add_lead',
    phone_number: '7840258823',
  });
  expect(result).toStrictEqual({ outcome: 'delivered', response: 'lead 42 of list 1001' });
});

test('a lead whose comments are truncated is delivered, but incomplete', async () => {
  const { result } = await deliverTo(respondWith(200, {}, added), { subtype: 'x'.repeat(300) });
  expect(result).toStrictEqual({
    outcome: 'delivered',
    response: 'lead 42 of list 1001; truncated: comments',
    incomplete: true,
  });
});

test('a rejected lead is not reported as incomplete', async () => {
  const rejection = respondWith(200, {}, 'ERROR: add_lead INVALID PHONE NUMBER LENGTH - 12\n');
  const { result } = await deliverTo(rejection, { subtype: 'x'.repeat(300) });
  expect(result).toStrictEqual({
    outcome: 'rejected',
    response: 'add_lead INVALID PHONE NUMBER LENGTH (list 1001)',
    isFinal: true,
  });
});

test.each([
  [202, 'unknown'],
  [299, 'unknown'],
  [400, 'unavailable'],
  [401, 'unavailable'],
  [499, 'unavailable'],
  [500, 'unknown'],
  [502, 'unknown'],
  [503, 'unavailable'],
  [504, 'unknown'],
])('after status %i, which is not VICIdial’s, the outcome is %s', async (status, outcome) => {
  const { result } = await deliverTo(respondWith(status));
  expect(result).toStrictEqual({ outcome, response: `HTTP ${status}` });
});

test.each([
  ["O'Neil-7", { ids: [] }],
  [
    "<!DOCTYPE html><p>It's down.</p>",
    { failure: { response: expect.stringMatching(/lead_field_info.*500/) } },
  ],
])('if VICIdial fails after it has printed a vendor_lead_code, that is read: %j', async (printed, found) => {
  const { url } = await startReceiver(({ body }, outgoing) => {
    const isSearch = phpForm(body)['function'] === 'lead_search';
    if (isSearch) outgoing.end('7840258823|1|42\n');
    else outgoing.writeHead(500).end(printed);
  });
  const { find } = vicidialAt({ url });
  expect(await find?.(claimedLead(), AbortSignal.timeout(20_000))).toMatchObject(found);
});

test('a displayed error of PHP after the line is followed by an update', async () => {
  const { receiver, result } = await deliverTo(({ body }, outgoing) => {
    const isUpdate = phpForm(body)['function'] === 'update_lead';
    if (isUpdate) outgoing.end('SUCCESS: update_lead LEAD HAS BEEN UPDATED - leadsapi|42|1|||\n');
    else outgoing.end(`${added}<br />\n<b>Fatal error</b>:  Uncaught mysqli_sql_exception: ...`);
  });
  expect(result).toStrictEqual({ outcome: 'delivered', response: 'lead 42 of list 1001' });
  expect(receiver.received.map(({ body }) => phpForm(body)['function'])).toEqual(['add_lead', 'update_lead']);
});

test.each([300, 302, 399])('status %i pauses delivery', async (status) => {
  const { result } = await deliverTo(respondWith(status, { Location: '/elsewhere' }));
  expect(result).toMatchObject({
    outcome: 'unknown',
    response: `HTTP ${status}`,
    pause: { reason: expect.stringContaining('set DIALLER_URL') },
  });
});

test('respects Retry-After', async () => {
  const { result } = await deliverTo(respondWith(503, { 'Retry-After': '120' }));
  expect(result).toStrictEqual({ outcome: 'unavailable', response: 'HTTP 503', retryAfter: 120_000 });
});

test('after a response that broke off the outcome is unknown, even if the line had arrived', async () => {
  const { result } = await deliverTo((_received, outgoing) => {
    outgoing.writeHead(200, { 'Content-Length': '10000' }).write(added, () => outgoing.destroy());
  });
  expect(result).toMatchObject({ outcome: 'unknown', response: 'connection closed without a response' });
});

test('a connection that was never established is reported as unavailable', async () => {
  const receiver = await startReceiver();
  await receiver.close();
  const result = await vicidialAt(receiver).deliver(claimedLead(), AbortSignal.timeout(20_000), noContext);
  expect(result).toStrictEqual({ outcome: 'unavailable', response: 'no response (ECONNREFUSED)' });
});

test.each([
  [2, 2],
  [50, 3],
])('with DIALLER_CONCURRENCY=%i it uses %i connections', async (concurrency, connections) => {
  const { hold, count, release } = holdRequests(respondWith(200, {}, added));
  const receiver = await startReceiver(hold);
  const dialler = vicidialAt(receiver, concurrency);
  const leads = Array.from({ length: 20 }, () =>
    dialler.deliver(claimedLead(), AbortSignal.timeout(20_000), noContext),
  );
  await expect.poll(count).toBe(connections);
  release();
  await Promise.all(leads);
  expect(receiver.maxConcurrency).toBe(connections);
  expect(dialler.maxConcurrency).toBe(2 * connections);
});

test('a type without a list pauses its delivery, and nothing is sent', async () => {
  const receiver = await startReceiver();
  const result = await vicidialAt(receiver).deliver(
    claimedLead({}, { type: 'home' }),
    AbortSignal.timeout(20_000),
    noContext,
  );
  expect(result).toStrictEqual({
    outcome: 'unavailable',
    response: 'DIALLER_LISTS has no list for lead type "home"',
    pause: {
      reason: 'DIALLER_LISTS has no list for lead type "home": add it',
      isOfType: true,
      retryAfter: 60_000,
    },
  });
  expect(receiver.received).toEqual([]);
});
