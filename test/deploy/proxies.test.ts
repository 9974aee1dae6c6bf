/** The shipped configurations of nginx and Caddy, each in front of a real server. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request as startPlainRequest } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { Agent } from 'node:https';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { newKey } from '../../src/partners/key.ts';
import type { Target } from '../harness/client.ts';
import {
  checkResponse,
  defaultBody,
  operationOf,
  type ReceivedResponse,
  responseValue,
} from '../harness/contract.ts';
import {
  connectionTo,
  domain,
  type Front,
  type FrontRequest,
  openTls,
  type StartFront,
  shipped,
  startCaddy,
  startNginx,
  through,
} from '../harness/front.ts';
import { type LossyProxy, openLossyProxy } from '../harness/lossy-proxy.ts';
import { freePort } from '../harness/postgres-server.ts';
import { skipWithout, spawnProgram } from '../harness/process.ts';
import { untilListening } from '../harness/server-process.ts';

/** Headers that the proxies add. */
const extraHeaders = /^(strict-transport-security|server|alt-svc|via)$/;

const { path } = operationOf('addLead');
const limit = 128 * 1024;

/** Returns the first number that matches. */
function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1]?.replaceAll('_', '') ?? Number.NaN);
}

function shippedSource(file: string): string {
  return readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
}

interface RunningServer extends Target {
  port: number;
  logged(): string;
}

interface Proxy {
  name: string;
  probe: string[];
  start: StartFront;
  /** Loopback network of its clients, so that they do not share the limits of the other's clients. */
  network: string;
}

const proxies: Proxy[] = [
  { name: 'nginx', probe: ['nginx', '-v'], start: startNginx, network: '127.0.1' },
  { name: 'caddy', probe: ['caddy', 'version'], start: startCaddy, network: '127.0.2' },
];

/** A proxy in front of the server. */
interface RunningProxy {
  front: Front;
  /** What the proxy connects to. */
  relay: LossyProxy;
  /** These take half a minute, so they start before all tests. */
  slow: Promise<SlowClients>;
}

let server: RunningServer;
const running = new Map<string, RunningProxy>();
const stopping: (() => unknown)[] = [];

beforeAll(async () => {
  server = await startRealServer();
  for (const { name, probe, start } of proxies) {
    // Its tests are skipped.
    if (!isInstalled(probe)) continue;
    const relay = await openLossyProxy(server.port);
    stopping.push(() => relay.close());
    const front = await start([relay.port]);
    stopping.push(() => front.stop());
    running.set(name, { front, relay, slow: slowClients(front) });
  }
});
afterAll(() => Promise.all(stopping.map((stop) => stop())));

async function startRealServer(): Promise<RunningServer> {
  const child = spawnProgram('src/main.ts', [], {
    PORT: '0',
    METRICS_PORT: '0',
    DATABASE_URL: 'sqlite::memory:',
    TRUST_PROXY: 'loopback',
  });
  stopping.push(() => child.kill('SIGTERM'));
  let log = '';
  child.stdout.on('data', (chunk) => {
    log += chunk;
  });
  const { target } = await untilListening(child);
  return { ...target, port: Number(new URL(target.url).port), logged: () => log };
}

/** Returns a request with a valid key in its header. */
function withKey(sent: Partial<FrontRequest> = {}): FrontRequest {
  const body = JSON.stringify({ ...defaultBody('addLead'), test: true });
  return { path, body, ...sent, headers: { Authorization: `Bearer ${server.key}`, ...sent.headers } };
}

/** Returns the log lines of the server with a member of this value. */
function linesWith(member: string, value: string): string[] {
  return server
    .logged()
    .split('\n')
    .filter((line) => line.includes(`"${member}":"${value}"`));
}

describe.each(proxies)('$name', ({ name, probe, start, network }) => {
  /** Tests the proxy; skips the test if it is not installed. */
  const testProxy = (behaviour: string, run: (proxy: RunningProxy) => Promise<void>) =>
    test(behaviour, { timeout: 60_000 }, async (context) => {
      skipWithout(context, probe);
      const proxy = running.get(name);
      if (proxy === undefined) throw new Error(`${name} was not started.`);
      await run(proxy);
    });

  testProxy('passes requests on over TLS, with HTTP/1.1 and HTTP/2', async ({ front }) => {
    const received = await through(front, withKey());
    expect(received.status).toBe(200);
    expect(received.headers['strict-transport-security']).toBe('max-age=31536000');
    checkResponse('addLead', received, extraHeaders);
    expect(await statusOverHttp2(front)).toBe(200);
    // The server compresses a document in the background after its first request.
    const page = () =>
      through(front, { method: 'GET', path: '/docs/', headers: { 'Accept-Encoding': 'gzip' } });
    await expect.poll(async () => (await page()).headers['content-encoding'], { interval: 500 }).toBe('gzip');
  });

  testProxy('reports the address of the client, whatever the client claims', async ({ front }) => {
    const from = `${network}.1`;
    const claims = [
      {},
      { 'X-Forwarded-For': '198.51.100.7' },
      {
        'X-Forwarded-For': '127.0.0.1, 198.51.100.7',
        Forwarded: 'for=198.51.100.7',
        'X-Real-IP': '198.51.100.7',
      },
      // Headers that a connection names are removed by a proxy.
      { 'X-Forwarded-For': '198.51.100.7', Connection: 'close, X-Forwarded-For' },
    ];
    for (const headers of claims) {
      const { status } = await through(front, { path, body: '{}', from, headers });
      expect(status).toBe(401);
    }
    await expect.poll(() => linesWith('address', from).length).toBe(claims.length);
    expect(linesWith('address', '198.51.100.7')).toEqual([]);
  });

  testProxy('a flood of invalid keys from one client does not lock out another', async ({ front }) => {
    const flood = await Promise.all(
      Array.from({ length: 60 }, () =>
        through(front, {
          path,
          body: '{}',
          from: `${network}.2`,
          headers: { Authorization: `Bearer ${newKey()}` },
        }),
      ),
    );
    expect(new Set(flood.map(({ status }) => status))).toEqual(new Set([401, 429]));
    const other = `${network}.3`;
    expect((await through(front, { path, body: '{}', from: other })).status).toBe(401);
    expect((await through(front, withKey({ from: other }))).status).toBe(200);
    expect((await through(front, withKey({ from: `${network}.2` }))).status).toBe(200);
  });

  testProxy('uses connections again, those of clients and those to the server', async ({ front, relay }) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    await through(front, withKey({ agent }));
    const before = relay.connectionCount();
    for (let count = 0; count < 20; count += 1) {
      expect((await through(front, withKey({ agent }))).status).toBe(200);
    }
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
    // Health checks and other clients may need one in the meantime.
    expect(relay.connectionCount() - before).toBeLessThan(5);
  });

  testProxy('rejects a body above the limit with the documented 413', async ({ front }) => {
    const body = JSON.stringify({ ...defaultBody('addLead'), test: true });
    expect((await through(front, withKey({ body: body.padEnd(limit) }))).status).toBe(200);
    const tooLarge: Partial<FrontRequest>[] = [
      { body: body.padEnd(limit + 1) },
      { body: body.padEnd(2 * limit) },
      { body: body.padEnd(50 * limit) },
    ];
    for (const sent of [...tooLarge, ...tooLarge]) expectTooLarge(await through(front, withKey(sent)));
    for (const count of [2, 3]) {
      const chunks = [body, ...Array.from({ length: count }, () => ' '.repeat(limit / 2))];
      const { body: _, ...sent } = withKey({ chunks });
      expectTooLarge(await through(front, sent));
    }
  });

  testProxy('lets the server reject headers above its limit', async ({ front }) => {
    const received = await through(front, withKey({ headers: { 'X-Long': 'x'.repeat(20_000) } }));
    expect(received.status).toBe(431);
    expect(received.json).toEqual({ error: 'The URL and headers of the request are too large.' });
  });

  testProxy('blocks what is for operators only', async ({ front }) => {
    const paths = [
      '/readyz',
      '/readyz?x=1',
      '//readyz',
      '/./readyz',
      '/%72eadyz',
      '/x/../readyz',
      '/metrics',
      '/status',
    ];
    for (const each of paths) {
      const { status, json } = await through(front, { method: 'GET', path: each });
      expect({ path: each, status, json }).toEqual({
        path: each,
        status: 404,
        json: { error: 'No resource exists at this path.' },
      });
    }
    expect((await through(front, { method: 'GET', path: '/healthz' })).status).toBe(200);
  });

  testProxy('refuses requests without encryption, and does not redirect them', async ({ front }) => {
    const response = await withoutTls(front, `${path}?key=${server.key}`);
    expect(response).toEqual({ status: 403, body: '{"error":"Use https."}' });
    expect(front.logged()).not.toContain(server.key);
  });

  testProxy('cuts clients that send slowly', async ({ slow }) => {
    const { headers, body } = await slow;
    expect(headers).not.toMatch(/^HTTP\/1\.1 2/);
    expect(body).toMatch(/^HTTP\/1\.1 408 /);
    expect(body).toContain(JSON.stringify(responseValue('addLead', 408, 'request-timeout')));
  });

  testProxy('sends requests to the other server while one is down', async () => {
    const down = await freePort();
    const pair = await start([down, server.port]);
    onTestFinished(() => pair.stop());
    for (let count = 0; count < 6; count += 1) expect((await through(pair, withKey())).status).toBe(200);
  });

  testProxy(
    'logs requests without their query string, and returns the documented 503 if no server is up',
    async ({ front }) => {
      const alone = await start([await freePort()]);
      onTestFinished(() => alone.stop());
      const key = newKey();
      const referrer = `https://${domain}/docs/?key=${key}`;
      const secrets = {
        path: `${path}?key=${key}`,
        headers: { Referer: referrer, Authorization: `Bearer ${key}` },
      };
      const unavailable = await through(alone, { ...secrets, body: '{}' });
      expect(unavailable.status).toBe(503);
      expect(unavailable.json).toEqual(responseValue('addLead', 503, 'unavailable'));
      checkResponse('addLead', unavailable, extraHeaders);
      for (const used of [alone, front]) {
        await through(used, { ...secrets, body: '{}' });
        await through(used, { ...secrets, body: ' '.repeat(2 * limit) });
        await through(used, { ...secrets, method: 'GET', path: `/readyz?key=${key}` });
        await aborted(used, key);
        await expect.poll(() => used.logged()).toMatch(/"\/lead\/add"[\s\S]*"\/readyz"/);
        await expect.poll(() => used.logged()).toContain('/aborted');
        expect(used.logged()).not.toContain(key);
      }
    },
  );
});

/** What clients receive that never finish their headers, or their body. */
interface SlowClients {
  headers: string;
  body: string;
}

/** Sends a byte every second, on two connections, until each is closed. */
async function slowClients(front: Front): Promise<SlowClients> {
  const start = `POST ${path} HTTP/1.1\r\nHost: ${domain}\r\n`;
  const length = `Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n`;
  const [headers = '', body = ''] = await Promise.all([
    trickle(front, `${start}X-Slow: `),
    trickle(front, `${start}Authorization: Bearer ${server.key}\r\n${length}{"mobile":`),
  ]);
  return { headers, body };
}

async function trickle(front: Front, start: string): Promise<string> {
  const socket = await openTls(front);
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk;
  });
  socket.on('error', () => {});
  socket.write(start);
  const timer = setInterval(() => socket.write('x'), 1_000);
  await new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
  clearInterval(timer);
  socket.destroy();
  return received;
}

/** Sends half of a request with a key in its URL, and closes the connection once it has arrived. */
async function aborted(front: Front, key: string): Promise<void> {
  const socket = await openTls(front);
  socket.on('error', () => {});
  const head = `POST /aborted?key=${key} HTTP/1.1\r\nHost: ${domain}\r\nContent-Length: 1000\r\n\r\n{`;
  await new Promise((resolve) => socket.write(head, resolve));
  socket.destroy();
}

function expectTooLarge(received: ReceivedResponse): void {
  expect(received.status).toBe(413);
  expect(received.json).toEqual(responseValue('addLead', 413, 'content-too-large'));
  checkResponse('addLead', received, extraHeaders);
}

function statusOverHttp2(front: Front): Promise<number> {
  const { method, path: target } = operationOf('addLead');
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`https://${domain}:${front.port}`, connectionTo(front));
    session.once('error', reject);
    const stream = session.request({
      ':method': method,
      ':path': target,
      authorization: `Bearer ${server.key}`,
      'content-type': 'application/json',
    });
    stream.once('response', (headers) => {
      resolve(Number(headers[':status']));
      session.destroy();
    });
    stream.end(JSON.stringify({ ...defaultBody('addLead'), test: true }));
  });
}

/** Sends a request to the port for HTTP. */
function withoutTls(front: Front, target: string): Promise<{ status: number | undefined; body: string }> {
  const options = { port: front.plainPort, path: target, method: 'POST', headers: { Host: domain } };
  return new Promise((resolve, reject) => {
    const request = startPlainRequest(options, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode, body }), reject);
    });
    request.on('error', reject).end('{}');
  });
}

function isInstalled([program = '', ...words]: readonly string[]): boolean {
  return spawnSync(program, words).status === 0;
}

/** The timeouts and limits that must be shorter or longer than the server's. */
test('the limits of the proxies agree with those of the server', () => {
  const source = shippedSource('src/server/http-server.ts');
  const keepAlive = numberIn(source, /keepAliveTimeout = ([\d_]+)/) / 1_000;
  const headers = numberIn(source, /defaultHeadersTimeout = ([\d_]+)/) / 1_000;
  const request = numberIn(source, /defaultRequestTimeout = ([\d_]+)/) / 1_000;
  const nginx = shipped('nginx.conf');
  const caddy = shipped('Caddyfile');
  // A proxy that keeps a connection longer than the server loses the request that it sends at that moment.
  expect(numberIn(nginx, /upstream leads \{[^}]*keepalive_timeout (\d+)s/)).toBeLessThan(keepAlive);
  expect(numberIn(caddy, /\bkeepalive (\d+)s/)).toBeLessThan(keepAlive);
  expect(numberIn(nginx, /client_header_timeout (\d+)s/)).toBe(headers);
  expect(numberIn(caddy, /read_header (\d+)s/)).toBe(headers);
  // The server responds with 408 first.
  expect(numberIn(nginx, /client_body_timeout (\d+)s/)).toBeGreaterThan(request + 1);
  expect(numberIn(caddy, /read_body (\d+)s/)).toBeGreaterThan(request + 1);
});
