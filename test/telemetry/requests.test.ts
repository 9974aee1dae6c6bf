/** The log must show, days later, what happened to a request. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { newKey } from '../../src/partners/key.ts';
import { requestLog } from '../../src/telemetry/requests.ts';
import { post, send, sendRaw } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { startObservedServer } from '../harness/observed-server.ts';
import { recordingLog } from '../harness/recording-log.ts';
import { createKey, startServer } from '../harness/server.ts';

test('logs one line per request with partner, operation, outcome and duration', async () => {
  const { target, output } = await startObservedServer({});
  const person = requestValue('addLead', 'accepted');
  const withKey = { headers: { 'Idempotency-Key': 'retried' }, body: person };
  const responses = [
    await send(target, 'addLead', withKey),
    await send(target, 'addLead', withKey),
    await post(target, 'addLead', person),
    await post(target, 'cancelLead', {}),
    await post({ ...target, key: 'wrong' }, 'leadStatus', {}),
    await send(target, 'addLead', { path: '/elsewhere' }),
    await sendRaw(target, 'POST /lead/add HTTP/2.0\r\nHost: a\r\n\r\n'),
    await sendRaw(target, 'hello\r\n\r\n'),
    await sendRaw(target, 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'),
  ];
  const lines = () =>
    output()
      .split('\n')
      .filter((line) => line.includes('"requestId"'))
      .map((line) => JSON.parse(line));
  await expect.poll(() => lines().length).toBe(responses.length);
  expect(lines().map(({ requestId }) => requestId)).toEqual(
    responses.map(({ headers }) => headers['request-id']),
  );
  expect(lines()).toMatchObject([
    { operation: 'addLead', partner: 'demo', outcome: 'accepted', status: 200, level: 'info' },
    { operation: 'addLead', partner: 'demo', outcome: 'accepted', status: 200, replayed: true },
    { operation: 'addLead', partner: 'demo', outcome: 'already-scheduled', status: 200 },
    { operation: 'cancelLead', partner: 'demo', outcome: 'validation-failed', status: 400 },
    { operation: 'leadStatus', address: '127.0.0.1', outcome: 'unauthorized', status: 401 },
    { address: '127.0.0.1', outcome: 'path-not-found', status: 404 },
    { address: '127.0.0.1', outcome: 'version-not-supported', status: 505 },
    { address: '127.0.0.1', outcome: 'validation-failed', status: 400 },
    { address: '127.0.0.1', outcome: 'validation-failed', status: 400 },
  ]);
  expect(lines()[0]).not.toHaveProperty('replayed');
  expect(lines().map(({ outcome }) => outcome)).toEqual(
    responses.map(({ headers }) => headers['lead-outcome']),
  );
  for (const { ms } of lines().slice(0, 5)) expect(ms).toBeGreaterThan(0);
});

test('logs the id, the partner and the state of a known key that is rejected, and nothing of an unknown key', async () => {
  const { log, lines } = recordingLog();
  const server = await startServer({ onResponse: requestLog(log) });
  const key = await createKey(server, 'second');
  const unknown = newKey();
  await send({ ...server, key: unknown }, 'leadStatus');
  await server.store.revokeKey('second');
  await send({ ...server, key }, 'leadStatus');
  await vi.waitFor(() => expect(lines).toHaveLength(2));
  const shared = { operation: 'leadStatus', address: '127.0.0.1', outcome: 'unauthorized', status: 401 };
  const varying = { requestId: expect.any(String), ms: expect.any(Number), msg: 'leadStatus unauthorized' };
  expect(lines.map(({ time: _, level: __, ...line }) => line)).toEqual([
    { ...shared, ...varying },
    { ...shared, ...varying, keyId: 'second', partner: server.partner, reason: 'revoked' },
  ]);
  for (const each of [key, unknown]) expect(JSON.stringify(lines)).not.toContain(each);
});

test('limits the lines of requests beyond the rate limit, for each partner, and reports how many are missing', () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { log, lines } = recordingLog();
  const logRequest = requestLog(log);
  const request = { requestId: 'one', operation: 'addLead', milliseconds: 1 };
  const rejected = { ...request, partner: 'first', outcome: 'rate-limited', status: 429 };
  for (let count = 0; count < 50; count += 1) {
    logRequest(rejected);
    logRequest({ ...request, partner: 'first', outcome: 'accepted', status: 200 });
  }
  logRequest({ ...rejected, partner: 'second' });
  const count = (partner: string, outcome: string) =>
    lines.filter((line) => line['partner'] === partner && line['outcome'] === outcome).length;
  expect(count('first', 'rate-limited')).toBe(10);
  expect(count('first', 'accepted')).toBe(50);
  expect(count('second', 'rate-limited')).toBe(1);
  vi.advanceTimersByTime(1_000);
  logRequest(rejected);
  expect(lines.at(-1)).toMatchObject({ partner: 'first', outcome: 'rate-limited', suppressed: 40 });
});

test('limits the lines of requests with a known key that is rejected', () => {
  const { log, lines } = recordingLog();
  const logRequest = requestLog(log);
  const rejectedKey = { keyId: 'key', partner: 'demo', reason: 'revoked' };
  for (let request = 0; request < 200; request += 1) {
    logRequest({ requestId: 'one', rejectedKey, outcome: 'unauthorized', status: 401, milliseconds: 1 });
  }
  expect(lines.length).toBeLessThan(120);
});

test('each line has its own partner and outcome when requests are interleaved', () => {
  const { log, lines } = recordingLog();
  const logRequest = requestLog(log);
  // Consecutive requests differ in varying fields.
  const isOdd = (index: number, length: number) => Math.floor(index / length) % 2 === 1;
  const requests = Array.from({ length: 5_000 }, (_, index) => ({
    requestId: `request-${index}`,
    operation: isOdd(index, 2) ? 'addLead' : 'cancelLead',
    partner: `partner-${Math.floor(index / 5)}`,
    outcome: isOdd(index, 3) ? 'validation-failed' : 'accepted',
    status: isOdd(index, 7) ? 400 : 200,
    isReplay: isOdd(index, 11),
    milliseconds: index,
  }));
  for (const request of requests) logRequest(request);
  expect(lines).toEqual(
    requests.map(({ milliseconds, isReplay, ...request }) => ({
      level: 'info',
      time: expect.any(Number),
      ...request,
      ...(isReplay ? { replayed: true } : {}),
      ms: milliseconds,
      msg: `${request.operation} ${request.outcome}`,
    })),
  );
});

test('limits lines about unauthenticated requests, but logs every request of a partner', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { log, lines } = recordingLog();
  const logRequest = requestLog(log);
  const request = { requestId: 'id', outcome: 'unauthorized', status: 401, milliseconds: 1 };
  for (let count = 0; count < 5_000; count += 1) {
    logRequest(request);
    logRequest({ ...request, partner: 'acme' });
  }
  expect(lines.filter(({ partner }) => partner === 'acme')).toHaveLength(5_000);
  expect(lines.filter(({ partner }) => partner === undefined)).toHaveLength(100);
});

test.each(['acme', undefined])(
  'a request that fails in the server is logged as an error (partner: %s)',
  (partner) => {
    const { log, lines } = recordingLog();
    log.level = 'error';
    const logRequest = requestLog(log);
    const request = { requestId: 'id', operation: 'addLead', partner, milliseconds: 1 };
    logRequest({ ...request, outcome: 'accepted', status: 200 });
    logRequest({ ...request, outcome: 'server-error', status: 500 });
    expect(lines).toMatchObject([{ level: 'error', outcome: 'server-error', msg: 'addLead server-error' }]);
  },
);
