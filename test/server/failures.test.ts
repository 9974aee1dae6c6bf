/** What fails outside any operation is reported to the client, to the log, or to the operator who starts the server. */
import { Server } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startHttpServer } from '../../src/server/http-server.ts';
import { metricsApp } from '../../src/server/metrics.ts';
import { recordingLog } from '../harness/recording-log.ts';
import { startServer } from '../harness/server.ts';

test('responds with 500 to an error outside any operation, and logs it under the same Request-Id', async () => {
  const { log, lines } = recordingLog();
  const app = {
    fetch: () => {
      throw new Error('a defect');
    },
  };
  const server = await startHttpServer(app, { host: '127.0.0.1', port: 0, log });
  onTestFinished(() => server.stop());
  const response = await fetch(`http://127.0.0.1:${server.port}/`);
  expect([response.status, await response.json()]).toEqual([500, { error: 'Server Error' }]);
  expect(lines).toMatchObject([
    {
      level: 'error',
      msg: 'A request failed.',
      requestId: response.headers.get('request-id'),
      err: { message: 'a defect' },
    },
  ]);
});

test('responds with 500 to an error in one of the service’s own routes', async () => {
  const readiness = {
    get isReady(): boolean {
      throw new Error('a defect');
    },
  };
  const { url } = await startServer({ readiness });
  const response = await fetch(`${url}/readyz`);
  expect([response.status, await response.json()]).toEqual([500, { error: 'Server Error' }]);
  expect(response.headers.get('request-id')).toMatch(/^[0-9a-f-]{36}$/);
});

test.each([
  [
    '127.0.0.1',
    (port: number) =>
      `another process listens on port ${port} of 127.0.0.1. Choose another port, or stop that process (EADDRINUSE).`,
  ],
  [
    '203.0.113.1',
    () =>
      '203.0.113.1 is not an address of this machine. Choose one that is, or 0.0.0.0 for all (EADDRNOTAVAIL).',
  ],
])('explains why it cannot listen on %s', async (host, message) => {
  const { log } = recordingLog();
  const app = { fetch: () => new Response() };
  const other = await startHttpServer(app, { host: '127.0.0.1', port: 0, log });
  onTestFinished(() => other.stop());
  const starting = startHttpServer(app, { host, port: other.port, log });
  await expect(starting).rejects.toMatchObject({
    message: message(other.port),
    cause: { syscall: 'listen' },
  });
});

test.each([
  [
    'ENOTFOUND',
    'the host leads.example is unknown. Choose an address of this machine, or 0.0.0.0 for all (ENOTFOUND).',
  ],
  ['EACCES', 'this user may not listen on port 80. Choose a port from 1024 upwards (EACCES).'],
  ['EFAULT', 'listen EFAULT'],
])(
  'explains that it cannot listen because of %s, if there is more to say than the system does',
  async (code, message) => {
    // Whether a host is unknown, or a port is privileged, depends on the machine.
    const listening = vi.spyOn(Server.prototype, 'listen').mockImplementation(function fail(this: Server) {
      process.nextTick(() => this.emit('error', Object.assign(new Error(`listen ${code}`), { code })));
      return this;
    });
    onTestFinished(() => void listening.mockRestore());
    const { log } = recordingLog();
    const starting = startHttpServer(
      { fetch: () => new Response() },
      { host: 'leads.example', port: 80, log },
    );
    await expect(starting).rejects.toMatchObject({ message });
  },
);

test('responds with 500 if the metrics cannot be read, and logs the reason', async () => {
  const { log, lines } = recordingLog();
  const metrics = { read: () => Promise.reject(new Error('a defect')) };
  const app = metricsApp(metrics, () => ({ ready: true, delivery: { dialler: 'log', state: 'off' } }), log);
  const response = await app.request('/metrics');
  expect([response.status, await response.json()]).toEqual([
    500,
    { error: 'The metrics could not be read. See the log.' },
  ]);
  expect(lines).toMatchObject([
    { level: 'error', msg: 'The metrics could not be read.', err: { message: 'a defect' } },
  ]);
});
