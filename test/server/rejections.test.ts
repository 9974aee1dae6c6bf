/** An operator can see why a partner's requests are rejected, and nothing that identifies a person is kept of them. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { validationFailed } from '../../src/contract/refusals.ts';
import { digestOf, newKey } from '../../src/partners/key.ts';
import { type RejectedRequest, RejectionCounter } from '../../src/server/rejections.ts';
import type { RejectionCount } from '../../src/store/rejections.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { openRaw, post, rawRequest, responsesOn, send } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { addPartner, createKey, startServer } from '../harness/server.ts';

const log = await createLog('silent');
const person = requestValue('addLead', 'accepted');

/** Returns a counter whose counts the test can read once it has stopped. */
function recordingCounter() {
  const recorded: RejectionCount[] = [];
  const recordRejections = async (counts: readonly RejectionCount[]) => void recorded.push(...counts);
  return { rejections: new RejectionCounter({ recordRejections }, log), recorded };
}

test('counts the rejected requests of a partner by their first message', async () => {
  const { rejections, recorded } = recordingCounter();
  const server = await startServer({ rejections, rateLimit: { perSecond: 1, burst: 6 } });
  await post(server, 'addLead', person);
  await post(server, 'addLead', { ...person, mobile: '0000' });
  const { headers } = await post(server, 'addLead', { ...person, mobile: '0001', surname: 7 });
  await post(server, 'cancelLead', { mobile: '07840258823' });
  await send(server, 'addLead', { text: '{"mobile":"07840258823"' });
  await send(server, 'addLead', { text: '["07840258823"]' });
  await post(server, 'addLead', person);
  await send(server, 'addLead', { query: { key: null } });
  await rejections.stop();
  const invalid = { operation: 'addLead', outcome: 'validation-failed' };
  expect(recorded).toMatchObject([
    { ...invalid, reason: 'Mobile is not a valid phone number.', count: 1 },
    { ...invalid, reason: 'Surname must be a string.', count: 1, lastRequestId: headers['request-id'] },
    { operation: 'cancelLead', outcome: 'validation-failed', reason: 'Type cannot be blank.', count: 1 },
    { ...invalid, reason: 'The body is not a JSON object.', count: 2 },
    {
      operation: 'addLead',
      outcome: 'rate-limited',
      reason: 'The rate limit of this key is exceeded.',
      count: 1,
    },
  ]);
  expect(new Set(recorded.map(({ day }) => day % 86_400_000))).toEqual(new Set([0]));
});

test('counts the requests with a known key that is rejected, with the reason, and none with an unknown key', async () => {
  const { rejections, recorded } = recordingCounter();
  const server = await startServer({ rejections });
  const keys = { revoked: await createKey(server, 'one'), expired: await createKey(server, 'two') };
  await server.store.revokeKey('one');
  await server.store.rotateKey('two', { id: 'three', digest: 'three', oldUntil: Date.now() });
  const suspended = await addPartner(server, 'suspended');
  await server.store.suspendPartner('suspended');
  const deleted = await addPartner(server, 'deleted');
  await server.store.deletePartner('deleted');
  for (const key of [keys.revoked, keys.revoked, keys.expired, suspended.key, deleted.key, newKey()]) {
    expect((await send({ ...server, key }, 'addLead', { body: person })).status).toBe(401);
  }
  await rejections.stop();
  const refused = { operation: 'addLead', outcome: 'unauthorized' };
  expect(recorded).toMatchObject([
    { ...refused, reason: 'The key one is revoked.', count: 2 },
    { ...refused, reason: 'The key two has expired.', count: 1 },
    { ...refused, reason: expect.stringMatching(/^The partner is suspended \(key .+\)\.$/), count: 1 },
    { ...refused, reason: expect.stringMatching(/^The partner is deleted \(key .+\)\.$/), count: 1 },
  ]);
  const holder = await server.store.keyHolder(digestOf(keys.revoked));
  expect(recorded[0]?.partnerId).toBe(holder?.partner.id);
});

test('counts a request whose client hung up before the body was complete', async () => {
  const { rejections, recorded } = recordingCounter();
  const server = await startServer({ rejections });
  const { head, body } = rawRequest(server, 'addLead', person);
  const socket = openRaw(server);
  const responses = responsesOn(socket);
  socket.end(head + body.slice(0, -1));
  await responses;
  await rejections.stop();
  expect(recorded).toMatchObject([{ reason: 'The request ended before its body was complete.', count: 1 }]);
});

test('keeps no name that a partner chose', async () => {
  const { rejections, recorded } = recordingCounter();
  const server = await startServer({ rejections });
  await post(server, 'addLead', { ...person, 'john.doe@test.com': 1 });
  await send(server, 'addLead', { query: { '07840258823': 'x' }, body: person });
  await post(server, 'addLead', { ...person, body: 1 });
  await post(server, 'addLead', { ...person, request: 1 });
  await rejections.stop();
  expect(recorded).toMatchObject([
    { reason: 'A field, parameter or header is unknown or invalid.', count: 4 },
  ]);
});

/** A rejected request of the partner with this id. */
function rejected(partnerId: number, wanted: Partial<RejectedRequest> = {}): RejectedRequest {
  const reply = validationFailed({ email: { 0: 'Email cannot be blank.' } });
  return {
    partnerId,
    operation: 'addLead',
    reply,
    reason: undefined,
    fields: new Set(['email']),
    requestId: 'one',
    receivedAt: 1,
    ...wanted,
  };
}

test('saves the counts every ten seconds, and adds those that could not be saved to the next', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const warned = vi.spyOn(log, 'warn').mockImplementation(() => {});
  onTestFinished(() => warned.mockRestore());
  const recordRejections = vi.fn(async (_counts: readonly RejectionCount[]) => {});
  const counter = new RejectionCounter({ recordRejections }, log);
  counter.count(rejected(1));
  const failure = new Error('the store is down');
  recordRejections.mockImplementationOnce(async () => {
    counter.count(rejected(1, { requestId: 'two', receivedAt: 2 }));
    counter.count(rejected(2));
    throw failure;
  });
  await vi.advanceTimersByTimeAsync(9_999);
  expect(recordRejections).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(warned).toHaveBeenCalledWith(
    { err: failure },
    'The counts of rejected requests could not be recorded.',
  );
  await vi.advanceTimersByTimeAsync(10_000);
  expect(recordRejections.mock.lastCall?.[0]).toMatchObject([
    { partnerId: 1, count: 2, lastAt: 2, lastRequestId: 'two', reason: 'Email cannot be blank.' },
    { partnerId: 2, count: 1 },
  ]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(recordRejections).toHaveBeenCalledTimes(2);
  await counter.stop();
});

test('counts a limited number of reasons between two saves', async () => {
  const { rejections, recorded } = recordingCounter();
  for (let partnerId = 0; partnerId < 10_001; partnerId += 1) rejections.count(rejected(partnerId));
  rejections.count(rejected(0));
  await rejections.stop();
  expect(recorded).toHaveLength(10_000);
  expect(recorded[0]).toMatchObject({ partnerId: 0, count: 2 });
});
