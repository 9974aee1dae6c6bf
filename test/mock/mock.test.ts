/** Integrators develop against the mock before they have a key, so it must respond as the server does. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OperationId } from '../../src/contract/reply.ts';
import { send, type Target } from '../harness/client.ts';
import {
  type ExampleRequest,
  operationIds,
  operationOf,
  type ReceivedResponse,
  requestExamples,
  responseExamples,
} from '../harness/contract.ts';
import { run, skipWithout, spawnProgram, untilOutput } from '../harness/process.ts';
import { startServer } from '../harness/server.ts';

/** Headers that Prism adds to responses. */
const prismHeaders = /^(access-control-|sl-violations$|vary$)/;

let child: ReturnType<typeof spawnProgram>;
let mock: Target;
let output: string;

beforeAll(async () => {
  child = spawnProgram('src/mock.ts', ['--port', '0'], {});
  output = await untilOutput(child, /With the URL:/);
  mock = { url: /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0] ?? '', key: 'any', extraHeaders: prismHeaders };
});

afterAll(() => {
  child.kill('SIGTERM');
});

/** Every response example of an operation, with its status and name. */
function examples(id: OperationId) {
  return Object.keys(operationOf(id).responses).flatMap((status) =>
    Object.entries(responseExamples(id, Number(status))).map(([key, example]) => ({
      status: Number(status),
      key,
      example,
    })),
  );
}

describe.each(operationIds())('%s', (id) => {
  test.each(examples(id))('returns the example $status $key on request', async ({ status, key, example }) => {
    const byHeader = await send(mock, id, { headers: { Prefer: `code=${status}, example=${key}` } });
    const byQuery = await send(mock, id, { query: { __code: String(status), __example: key } });
    const wanted = { status, json: example.value };
    expect({ status: byHeader.status, json: byHeader.json }).toEqual(wanted);
    expect({ status: byQuery.status, json: byQuery.json }).toEqual(wanted);
  });
});

test.each(['code=200, example=nonsense', 'code=299', 'example=rate-limited'])(
  'returns 404 for a response that does not exist: %s',
  async (Prefer) => {
    const { status, json } = await send(mock, 'addLead', { headers: { Prefer } });
    expect(status).toBe(404);
    expect(json).toEqual({ error: expect.stringContaining('no response with this status and name') });
  },
);

test('rejects an invalid port in one sentence', async () => {
  expect(await run('src/mock.ts', ['--port', 'abc'], {})).toEqual({
    code: 1,
    stdout: '',
    stderr: 'The mock server failed: --port must be a number from 0 (any free port) to 65535; it is "abc".\n',
  });
});

test('prints every response that it can produce when it starts', () => {
  for (const id of operationIds()) {
    const { method, path } = operationOf(id);
    const list = output.split(`${method} ${path}\n`)[1]?.split('\n\n')[0] ?? '';
    const printed = list.split('\n').map((line) => line.trim().split(/ {2,}/));
    const documented = examples(id).map(({ status, key, example }) => [String(status), key, example.summary]);
    expect(printed).toEqual(documented);
  }
});

test('the commands of docs/mock.md print the documented output', async (context) => {
  skipWithout(context, ['curl', '--version']);
  const guide = readFileSync(new URL('../../docs/mock.md', import.meta.url), 'utf8');
  const commands = [...guide.matchAll(/```\n(curl[\s\S]*?)```/g)].map(([, command = '']) => command);
  expect(commands).toHaveLength(2);
  const [, printed] = /Both commands print `([^`]+)`/.exec(guide) ?? [];
  for (const command of commands) {
    const here = command.replace('http://127.0.0.1:4010', mock.url);
    const { stdout } = await promisify(execFile)('sh', ['-c', here]);
    expect(stdout).toBe(printed);
  }
});

/** Requests whose responses do not depend on earlier requests. */
function statelessCases(id: OperationId): { name: string; request: ExampleRequest }[] {
  const invalid = examples(id).flatMap(({ status, key, example }) =>
    example['x-request'] && status !== 200
      ? [{ name: `${id} ${status} ${key}`, request: example['x-request'] }]
      : [],
  );
  const valid = ['accepted', 'delayed', 'test', 'unknown-type', 'test-unknown-type'].flatMap((key) => {
    const example = requestExamples(id)[key];
    return example ? [{ name: `${id} 200 ${key}`, request: { body: example.value } }] : [];
  });
  return [...valid, ...invalid];
}

/** What a client's code depends on: the status and the members of the body. */
function shape({ status, json }: ReceivedResponse): string {
  return `${status} ${Object.keys(Object(json)).join(', ')}`;
}

/** The differences listed in docs/mock.md: the example, the server's shape, and the mock's. */
function documentedDifferences(): string[][] {
  const guide = readFileSync(new URL('../../docs/mock.md', import.meta.url), 'utf8');
  return guide
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, 4)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}

test('differs from the server exactly as documented in docs/mock.md, if no earlier requests matter', async () => {
  const observed: string[][] = [];
  for (const id of operationIds()) {
    for (const { name, request } of statelessCases(id)) {
      const server = await startServer();
      const real = shape(await send(server, id, request));
      const mocked = shape(await send(mock, id, request));
      if (real !== mocked) observed.push([name, real, mocked]);
    }
  }
  expect(documentedDifferences().toSorted()).toEqual(observed.toSorted());
});

test('returns the same validation errors as the server', async () => {
  const server = await startServer();
  for (const id of operationIds()) {
    for (const { name, request } of statelessCases(id)) {
      const real = await send(server, id, request);
      if (real.status === 400) expect((await send(mock, id, request)).text, name).toBe(real.text);
    }
  }
});

test('marks only replayed responses as replayed', async () => {
  const named = await send(mock, 'addLead', { headers: { Prefer: 'code=200, example=replayed' } });
  expect(named.headers).toHaveProperty('idempotent-replayed', 'true');
  expect((await send(mock, 'addLead')).headers).not.toHaveProperty('idempotent-replayed');
});
