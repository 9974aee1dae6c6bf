/** Integrators develop against the mock before they have a key, so it must respond as the server does. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { isDeepStrictEqual, promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { readContract } from '../../src/contract/contract.ts';
import type { OperationId } from '../../src/contract/reply.ts';
import { runMock } from '../../src/mock/mock.ts';
import { mockApp } from '../../src/mock/mock-app.ts';
import { type Prism, startPrism } from '../../src/mock/prism.ts';
import { rateLimit } from '../../src/partners/rate-limit.ts';
import { type HttpServerOptions, startHttpServer } from '../../src/server/http-server.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { openRaw, rawRequest, responsesOn, send, sendRaw, type Target } from '../harness/client.ts';
import {
  defaultBody,
  type ExampleRequest,
  headerExample,
  maxBytesOf,
  operationIds,
  operationOf,
  type ReceivedResponse,
  type ResponseExample,
  requestExamples,
  responseExamples,
} from '../harness/contract.ts';
import { freePort } from '../harness/postgres-server.ts';
import { finished, run, skipWithout, start, untilOutput } from '../harness/process.ts';
import { listening } from '../harness/receiver.ts';
import { recordingLog } from '../harness/recording-log.ts';
import { startServer } from '../harness/server.ts';

type Limits = Pick<HttpServerOptions, 'requestTimeout' | 'requestsPerAddress'>;

const guide = readFileSync(new URL('../../docs/mock.md', import.meta.url), 'utf8');
const log = await createLog('silent');

let prism: Prism;
let mock: Target;

/** Prism takes two seconds to start, but much longer on a busy machine (ms). */
const startTimeout = 120_000;

beforeAll(async () => {
  prism = await startPrism();
}, startTimeout);

afterAll(() => {
  prism.process.kill();
});

beforeAll(async () => {
  const { port, stop } = await listen();
  mock = { url: `http://127.0.0.1:${port}`, key: 'any' };
  return stop;
});

function listen(limits: Limits = {}) {
  const app = mockApp(readContract(), async () => prism.url, log);
  return startHttpServer(app, { host: '127.0.0.1', port: 0, log, ...limits });
}

/** Starts another mock, which ends with the test. */
async function startMock(limits: Limits): Promise<Target> {
  const { port, stop } = await listen(limits);
  onTestFinished(stop);
  return { url: `http://127.0.0.1:${port}`, key: 'any' };
}

/** Starts a server with the default rate limit, whose headers are those of the contract's examples. */
function startRealServer(limits: Limits = {}): Promise<Target> {
  return startServer({ rateLimit: rateLimit(100), ...limits });
}

interface NamedExample {
  status: number;
  key: string;
  example: ResponseExample;
}

/** Every response example of an operation, with its status and name. */
function examples(id: OperationId): NamedExample[] {
  return Object.keys(operationOf(id).responses).flatMap((status) =>
    Object.entries(responseExamples(id, Number(status))).map(([key, example]) => ({
      status: Number(status),
      key,
      example,
    })),
  );
}

/** Returns the response that the mock sends if its example is requested by name. */
function sendNamed(id: OperationId, { status, key }: NamedExample): Promise<ReceivedResponse> {
  return send(mock, id, { query: { __code: String(status), __example: key } });
}

/** Returns a body without the ids and times of the leads of rows, which the mock takes from the contract. */
function withoutRowIds(text: string): string {
  return text.replace(/"lead_id":"[^"]+","due_at":"[^"]+"\}/g, '"lead_id":"varies","due_at":"varies"}');
}

/** What a client's code depends on: the status, the body, the outcome and which documented headers there are. */
function essence(id: OperationId, { status, headers, json }: ReceivedResponse) {
  const documented = Object.keys(operationOf(id).responses[status]?.headers ?? {});
  const names = documented.filter((name) => name.toLowerCase() in headers);
  const comparableJson: unknown = id === 'addLeads' ? JSON.parse(withoutRowIds(JSON.stringify(json))) : json;
  return { status, outcome: headers['lead-outcome'], json: comparableJson, headers: names };
}

/** Headers whose values differ between any two responses. */
const varying = new Set(['request-id', 'lead-id', 'lead-due', 'date']);

/** A response as far as it must be the same in the mock and in the server. */
function comparable({ status, headers, text }: ReceivedResponse) {
  // The rate limit counts rows, and the mock does not count.
  const hasRows = text.startsWith('{"results":');
  const varies = (name: string) => varying.has(name) || (hasRows && name === 'ratelimit');
  const values = Object.entries(headers).map(([name, value]) => [name, varies(name) ? 'varies' : value]);
  return { status, text: withoutRowIds(text), headers: Object.fromEntries(values) };
}

describe.each(operationIds())('%s', (id) => {
  test.each(examples(id))('returns the example $status $key on request', async (wanted) => {
    const { status, key, example } = wanted;
    const byHeader = await send(mock, id, { headers: { Prefer: `code=${status}, example=${key}` } });
    const byQuery = await sendNamed(id, wanted);
    const outcome = example['x-outcome'];
    expect({
      status: byHeader.status,
      outcome: byHeader.headers['lead-outcome'],
      json: byHeader.json,
    }).toEqual({ status, outcome, json: example.value });
    expect(comparable(byQuery)).toEqual(comparable(byHeader));
    expect(byQuery.headers['request-id']).not.toBe(byHeader.headers['request-id']);
  });

  test('needs only the status or only the name of an example', async () => {
    const all = examples(id);
    const [firstInvalid] = all.filter(({ status }) => status === 400);
    expect((await send(mock, id, { query: { __code: '400' } })).json).toEqual(firstInvalid?.example.value);
    const named = await send(mock, id, { headers: { Prefer: 'respond-async, example="rate-limited"' } });
    expect(named.status).toBe(429);
    expect(new Set(all.map(({ key }) => key)).size).toBe(all.length);
  });

  test.each(['code=200, example=nonsense', 'code=299', 'code=400, example=rate-limited', 'example='])(
    'lists the responses of the operation if it has none as in %o',
    async (Prefer) => {
      const { status, json } = await send(mock, id, { headers: { Prefer } });
      expect(status).toBe(404);
      const { error } = Object(json);
      expect(error).toContain('no response with this status and name');
      for (const [code, group] of Map.groupBy(examples(id), (example) => example.status)) {
        expect(error).toContain(`${code} ${group.map(({ key }) => key).join(', ')}`);
      }
    },
  );
});

test.each([
  ['cannot be reached', async () => `http://127.0.0.1:${await freePort()}`, 'fetch failed'],
  ['has another contract', async () => `${prism.url}/other`, 'Prism did not return the example'],
])(
  'returns the documented server error and logs the reason if Prism %s',
  async (_problem, prismUrl, message) => {
    const { log: failures, lines } = recordingLog();
    const app = mockApp(readContract(), prismUrl, failures);
    const { port, stop } = await startHttpServer(app, { host: '127.0.0.1', port: 0, log });
    onTestFinished(stop);
    const target = { url: `http://127.0.0.1:${port}`, key: 'any' };
    for (const id of operationIds()) {
      const documented = responseExamples(id, 500)['server-error'];
      const { status, headers, json } = await send(target, id);
      expect({ status, json }).toEqual({ status: 500, json: documented?.value });
      expect(headers).toMatchObject({ 'lead-outcome': 'server-error', ratelimit: expect.any(String) });
      expect(lines.at(-1)).toMatchObject({
        msg: 'A request failed.',
        operation: id,
        err: { message: expect.stringContaining(message) },
      });
    }
  },
);

test.each([
  ['now', {}, 0],
  ['after the delay of the request', { delays: 600 }, 600_000],
])('a lead is due %s, as on the server', async (_time, patch, delay) => {
  const before = Date.now();
  const { headers } = await send(mock, 'addLead', { patch });
  const due = Date.parse(String(headers['lead-due']));
  expect(due).toBeGreaterThanOrEqual(before + delay);
  expect(due).toBeLessThanOrEqual(Date.now() + delay);
  const selected = await send(mock, 'addLead', { patch, query: { __example: 'accepted' } });
  expect(selected.headers['lead-due']).toBe(headerExample('addLead', 200, 'Lead-Due'));
});

test('accepts test numbers, whose last two digits decide the outcome of adding a lead', async () => {
  const outcomeOf = async (id: OperationId, mobile: string) => {
    const { headers } = await send(mock, id, { body: { ...defaultBody(id), mobile } });
    return headers['lead-outcome'];
  };
  expect(await outcomeOf('addLead', '07700 900500')).toBe('accepted');
  expect(await outcomeOf('addLead', '07700 900510')).toBe('existing-contact');
  expect(await outcomeOf('addLead', '07700 900511')).toBe('already-scheduled');
  expect(await outcomeOf('addLead', '+44 7700 900512')).toBe('do-not-call');
  expect(await outcomeOf('cancelLead', '07700 900510')).toBe('cancelled');
});

test('the headers of an example are those of its situation', async () => {
  const headersOf = async (example: string) =>
    (await send(mock, 'addLead', { query: { __example: example } })).headers;
  expect(await headersOf('accepted')).toMatchObject({ 'lead-id': headerExample('addLead', 200, 'Lead-Id') });
  expect(await headersOf('accepted')).not.toHaveProperty('idempotent-replayed');
  expect(await headersOf('replayed')).toMatchObject({
    'idempotent-replayed': 'true',
    'lead-due': expect.any(String),
  });
  expect(await headersOf('existing-contact')).not.toHaveProperty('lead-id');
  expect(await headersOf('existing-contact')).not.toHaveProperty('lead-due');
  const exhausted = headerExample('addLead', 429, 'RateLimit').replace(/r=\d+/, 'r=0');
  expect(await headersOf('rate-limited')).toMatchObject({ ratelimit: exhausted });
  expect(await headersOf('too-many-invalid-keys')).toMatchObject({ ratelimit: '"wrong-keys";r=0;t=1' });
});

const bearer = ({ key }: Target) => ({ Authorization: `bearer ${key}` });
const body = JSON.stringify(defaultBody('addLead'));
const limit = maxBytesOf('addLead');

/** Requests to add a lead that a mock in front of another server could handle differently from the server. */
const requests: [name: string, request: (target: Target) => ExampleRequest][] = [
  ['a lower-case bearer scheme', (target) => ({ query: { key: null }, headers: bearer(target) })],
  ['the same key in both places', (target) => ({ headers: bearer(target) })],
  ['an empty key and a bearer token', (target) => ({ query: { key: '' }, headers: bearer(target) })],
  ['a blank key', () => ({ query: { key: ' ' } })],
  ['an empty bearer token', () => ({ query: { key: null }, headers: { Authorization: 'Bearer ' } })],
  ['another scheme', () => ({ query: { key: null }, headers: { Authorization: 'Basic bGVhZHM6bGVhZHM=' } })],
  ['no key and an invalid body', () => ({ query: { key: null }, text: '{' })],
  ['no key and a form', () => ({ query: { key: null }, headers: { 'Content-Type': 'text/plain' } })],
  ['a byte order mark', () => ({ text: `\ufeff${body}` })],
  ['another Accept', () => ({ headers: { Accept: 'text/html' } })],
  ['another Accept and an invalid body', () => ({ headers: { Accept: 'application/xml' }, body: {} })],
  ['a body of the maximum size', () => ({ text: body.padEnd(limit) })],
  ['a larger body', () => ({ text: body.padEnd(limit + 1) })],
  ['a larger body in chunks', () => ({ chunks: [body, ' '.repeat(limit)] })],
  ['a body in chunks', () => ({ chunks: [body.slice(0, 9), body.slice(9)] })],
  ['a larger form', () => ({ headers: { 'Content-Type': 'text/plain' }, text: body.padEnd(limit + 1) })],
  [
    'another media type with parameters',
    () => ({ headers: { 'Content-Type': 'Application/JSON;charset=a' } }),
  ],
  ['an unknown parameter and a field', () => ({ query: { test: 'true' }, patch: { delay: 1 } })],
  ['a cross-origin request', () => ({ headers: { Origin: 'https://partner.example' } })],
  ['a preflight request', () => ({ method: 'OPTIONS', headers: { Origin: 'https://partner.example' } })],
  ['an idempotency key', () => ({ headers: { 'Idempotency-Key': '"a"' } })],
  ['another preference', () => ({ headers: { Prefer: 'return=minimal' } })],
];

test.each(requests)('responds as the server to %s', async (_name, request) => {
  const server = await startRealServer();
  const real = await send(server, 'addLead', request(server));
  expect(comparable(await send(mock, 'addLead', request(mock)))).toEqual(comparable(real));
});

test.each([
  [
    'an upgrade to HTTP/2',
    { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAEAAEAA' },
  ],
  ['an upgrade to a WebSocket', { Connection: 'Upgrade', Upgrade: 'websocket' }],
  ['headers of the connection', { Connection: 'close, TE', TE: 'trailers', 'Keep-Alive': 'timeout=5' }],
  ['another Host', { Host: 'leads.example:443' }],
])('accepts %s as the server does', async (_name, headers) => {
  const server = await startRealServer();
  const [real, mocked] = await Promise.all(
    [server, mock].map((target) => {
      const { head, body: text } = rawRequest(target, 'addLead', undefined, headers);
      return sendRaw(target, head + text);
    }),
  );
  if (real === undefined || mocked === undefined) throw new Error('A request had no response.');
  expect(real.status).toBe(200);
  expect(comparable(mocked)).toEqual(comparable(real));
});

test('asks a client that expects 100-continue for the body', async () => {
  const { head, body: text } = rawRequest(mock, 'addLead', undefined, { Expect: '100-continue' });
  const socket = openRaw(mock);
  onTestFinished(() => void socket.destroy());
  const continued = responsesOn(socket, 1);
  socket.write(head);
  expect((await continued)[0]?.status).toBe(100);
  const received = responsesOn(socket, 1);
  socket.write(text);
  expect((await received)[0]).toMatchObject({ status: 200, json: { saved: true, processed: true } });
});

test.each(['/docs', '/openapi.yaml', '/openapi.json', '/healthz', '/readyz', '/', '/lead'])(
  'responds to %s as the server does',
  async (path) => {
    const [real, mocked] = await Promise.all(
      [await startRealServer(), mock].map(async ({ url }) => {
        const response = await fetch(url + path, { redirect: 'manual' });
        const { 'request-id': id, date, ...headers } = Object.fromEntries(response.headers);
        expect(id).toMatch(/^[0-9a-f-]{36}$/);
        // A digest, because the difference of two pages would fill the screen.
        const digest = createHash('sha256')
          .update(await response.text())
          .digest('hex');
        return { status: response.status, headers, digest };
      }),
    );
    expect(mocked).toEqual(real);
  },
);

/** Requests of examples that a single plain request with the usual limits does not produce. */
const senders: Record<
  string,
  { limits?: Limits; send: (target: Target, id: OperationId) => Promise<ReceivedResponse> }
> = {
  'content-too-large': {
    send: (target, id) => send(target, id, { text: ' '.repeat(maxBytesOf(id) + 1) }),
  },
  'too-many-items': { send: (target, id) => send(target, id, { body: { leads: Array(501).fill({}) } }) },
  'headers-too-large': {
    send: (target, id) => send(target, id, { headers: { 'X-Padding': 'x'.repeat(17_000) } }),
  },
  'method-not-implemented': {
    send: (target) => sendRaw(target, 'CONNECT leads.example:443 HTTP/1.1\r\nHost: leads.example\r\n\r\n'),
  },
  'transfer-coding-not-implemented': {
    send: (target, id) =>
      sendRaw(
        target,
        `POST ${operationOf(id).path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
      ),
  },
  'invalid-http': {
    send: (target, id) =>
      sendRaw(target, `POST ${operationOf(id).path} HTTP/1.1\r\nHost: a\r\nno header\r\n\r\n`),
  },
  'invalid-host': { send: (target, id) => sendRaw(target, `POST ${operationOf(id).path} HTTP/1.1\r\n\r\n`) },
  'version-not-supported': {
    send: (target, id) => sendRaw(target, `POST ${operationOf(id).path} HTTP/2.0\r\nHost: a\r\n\r\n`),
  },
  'request-timeout': {
    limits: { requestTimeout: 200 },
    send: (target, id) => sendRaw(target, rawRequest(target, id).head),
  },
  'too-many-from-address': { limits: { requestsPerAddress: 0 }, send: (target, id) => send(target, id) },
};

/** Sends the request of an example: that of the request example with its name, or its `x-request`. */
function sendExample(
  target: Target,
  id: OperationId,
  { key, example }: NamedExample,
): Promise<ReceivedResponse> {
  const sender = senders[key];
  if (sender !== undefined) return sender.send(target, id);
  const request = requestExamples(id)[key];
  return send(target, id, example['x-request'] ?? (request === undefined ? {} : { body: request.value }));
}

/** The rows of the table of differences in docs/mock.md: `operation status name`. */
function documentedDifferences(): string[] {
  const rows = [...guide.matchAll(/^\| (All|`\w+`(?:, `\w+`)*) \| (`\d{3} .*`) \| .+ \|$/gm)];
  return rows.flatMap(([, ids = '', names = '']) =>
    (ids === 'All' ? operationIds() : codeSpans(ids)).flatMap((id) =>
      codeSpans(names).map((name) => `${id} ${name}`),
    ),
  );
}

function codeSpans(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);
}

describe('the request of every example', () => {
  const documented = documentedDifferences();
  const all = operationIds().flatMap((id) =>
    examples(id).map((wanted) => ({ ...wanted, id, name: `${id} ${wanted.status} ${wanted.key}` })),
  );

  // test/operations proves that the server returns each example, with the headers that the mock sends by its name.
  test.each(all)(
    '$name gets its response, which is that of the server, unless docs/mock.md lists it',
    async (wanted) => {
      const { id, name, key } = wanted;
      const limits = senders[key]?.limits;
      const real = await sendExample(await startRealServer(limits), id, wanted);
      const mocked = await sendExample(limits === undefined ? mock : await startMock(limits), id, wanted);
      const expected = essence(id, await sendNamed(id, wanted));
      if (documented.includes(name)) {
        expect(essence(id, mocked)).not.toEqual(expected);
      } else {
        expect(essence(id, mocked)).toEqual(expected);
        // Otherwise, the response of the server depends on earlier requests.
        if (isDeepStrictEqual(essence(id, real), expected))
          expect(comparable(mocked)).toEqual(comparable(real));
      }
    },
  );

  test('docs/mock.md lists no examples twice, and none that do not exist', () => {
    expect(new Set(documented).size).toBe(documented.length);
    expect(documented).not.toEqual([]);
    expect(all.map(({ name }) => name)).toEqual(expect.arrayContaining(documented));
  });
});

test('the commands of docs/mock.md print the documented output', async (context) => {
  skipWithout(context, ['curl', '--version']);
  const commands = [...guide.matchAll(/```\n(curl[\s\S]*?)```/g)].map(([, command = '']) => command);
  expect(commands).toHaveLength(2);
  const [, printed] = /Both commands print `([^`]+)`/.exec(guide) ?? [];
  for (const command of commands) {
    const here = command.replace('http://127.0.0.1:4010', mock.url);
    const { stdout } = await promisify(execFile)('sh', ['-c', here]);
    expect(stdout).toBe(printed);
  }
});

describe('the program', { timeout: startTimeout }, () => {
  test('prints every response that it can produce when it starts, and ends with a signal', async () => {
    const child = start('src/mock.ts', ['--port', '0'], {});
    const output = await untilOutput(child, /With the URL:/);
    const [, url = ''] = /listens on (http:\S+)\. /.exec(output) ?? [];
    for (const id of operationIds()) {
      const { method, path } = operationOf(id);
      const list = output.split(`${method} ${path}\n`)[1]?.split('\n\n')[0] ?? '';
      const printed = list.split('\n').map((line) => line.trim().split(/ {2,}/));
      const documented = examples(id).map(({ status, key, example }) => [
        String(status),
        key,
        example.summary,
      ]);
      expect(printed).toEqual(documented);
    }
    expect((await send({ url, key: 'any' }, 'addLead')).status).toBe(200);
    const ended = finished(child);
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('leaves no Prism behind if it is killed', async () => {
    const child = start('src/mock.ts', ['--port', '0'], {});
    // Prism inherits standard error, which closes once both processes have ended.
    const ended = finished(child);
    await untilOutput(child, /With the URL:/);
    child.kill('SIGKILL');
    expect(await ended).toMatchObject({ code: null });
  });

  test('prints its options with --help and starts nothing', async () => {
    const { code, stdout, stderr } = await run('src/mock.ts', ['--help'], {});
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: npm run mock -- \[options\]\n/);
    expect(stdout).toContain('--port <port>');
  });

  test('rejects an invalid port in one line', async () => {
    expect(await run('src/mock.ts', ['--port', 'abc'], {})).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'The mock server failed: --port must be a number from 0 (any free port) to 65535; it is "abc".\n',
    });
  });

  test.each([
    [['--port', '65536'], '--port must be a number from 0 (any free port) to 65535; it is "65536".'],
    [['--port', ''], '--port must be a number from 0 (any free port) to 65535; it is "".'],
    [['--port'], "Option '--port <value>' argument missing"],
    [['5000'], "Unexpected argument '5000'. This command does not take positional arguments"],
  ])('rejects the arguments %j', async (words, message) => {
    const { argv } = process;
    onTestFinished(() => {
      process.argv = argv;
    });
    process.argv = ['node', 'mock.ts', ...words];
    await expect(runMock(Promise.resolve())).rejects.toMatchObject({ message });
  });

  test('reports in one line that another program uses its port', async () => {
    const port = await listening(createServer());
    expect(await run('src/mock.ts', ['--port', String(port)], {})).toEqual({
      code: 1,
      stdout: '',
      stderr: `The mock server failed: another process listens on port ${port} of 127.0.0.1. Set --port to another port, or stop that process (EADDRINUSE).\n`,
    });
  });
});
