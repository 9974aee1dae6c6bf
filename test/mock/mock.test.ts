/** Integrators build against the mock before they have a key: what it answers must be what the server will. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OperationId } from '../../src/contract/reply.ts';
import { send, type Target } from '../harness/client.ts';
import {
  operationIds,
  operationOf,
  type ReceivedResponse,
  requestExamples,
  responseExamples,
  type SentRequest,
} from '../harness/contract.ts';
import { skipWithout, spawnProgram, written } from '../harness/process.ts';
import { startServer } from '../harness/server.ts';

/** What Prism adds to an answer. */
const prisms = /^(access-control-|sl-violations$|vary$)/;

let child: ReturnType<typeof spawnProgram>;
let mock: Target;

beforeAll(async () => {
  child = spawnProgram('src/mock.ts', ['--port', '0'], {});
  const output = await written(child, /In the address:/);
  mock = { url: /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0] ?? '', key: 'any', also: prisms };
});

afterAll(() => {
  child.kill('SIGTERM');
});

/** Every response example, with where it stands. */
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
  test.each(examples(id))(
    'the outcome $status $key can be had by its name',
    async ({ status, key, example }) => {
      const byHeader = await send(mock, id, { headers: { Prefer: `code=${status}, example=${key}` } });
      const byQuery = await send(mock, id, { query: { __code: String(status), __example: key } });
      const wanted = { status, json: example.value };
      expect({ status: byHeader.status, json: byHeader.json }).toEqual(wanted);
      expect({ status: byQuery.status, json: byQuery.json }).toEqual(wanted);
    },
  );
});

test('the commands that docs/mock.md shows, pasted into a shell, print what it says', async (context) => {
  skipWithout(context, ['curl', '--version']);
  const guide = readFileSync(new URL('../../docs/mock.md', import.meta.url), 'utf8');
  const commands = [...guide.matchAll(/```\n(curl[\s\S]*?)```/g)].map(([, command = '']) => command);
  expect(commands).toHaveLength(2);
  const [, printed] = /Both print `([^`]+)`/.exec(guide) ?? [];
  for (const command of commands) {
    const here = command.replace('http://127.0.0.1:4010', mock.url);
    const { stdout } = await promisify(execFile)('sh', ['-c', here]);
    expect(stdout).toBe(printed);
  }
});

/** Outcomes that no other request has to come before: all that a request by itself brings about. */
function statelessCases(id: OperationId): { name: string; request: SentRequest }[] {
  const wrong = examples(id).flatMap(({ status, key, example }) =>
    example['x-request'] && status !== 200
      ? [{ name: `${id} ${status} ${key}`, request: example['x-request'] }]
      : [],
  );
  const right = ['accepted', 'delayed', 'test'].flatMap((key) => {
    const example = requestExamples(id)[key];
    return example ? [{ name: `${id} 200 ${key}`, request: { body: example.value } }] : [];
  });
  return [...right, ...wrong];
}

/** What a client's code branches on: the status, and which members the body has. */
function shape({ status, json }: ReceivedResponse): string {
  return `${status} ${Object.keys(Object(json)).join(', ')}`;
}

/** The differences that docs/mock.md tells integrators of: the case, the server's shape, the mock's. */
function toldDifferences(): string[][] {
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

test('server and mock agree on every stateless case, but for what docs/mock.md tells: no more, no less', async () => {
  const observed: string[][] = [];
  for (const id of operationIds()) {
    for (const { name, request } of statelessCases(id)) {
      const server = await startServer();
      const real = shape(await send(server, id, request));
      const mocked = shape(await send(mock, id, request));
      if (real !== mocked) observed.push([name, real, mocked]);
    }
  }
  expect(toldDifferences().toSorted()).toEqual(observed.toSorted());
});

test('what must be mended is told in the words of the server, at once', async () => {
  const server = await startServer();
  for (const id of operationIds()) {
    for (const { name, request } of statelessCases(id)) {
      const real = await send(server, id, request);
      if (real.status === 400) expect((await send(mock, id, request)).text, name).toBe(real.text);
    }
  }
});

test('only the outcome that is a repeated answer is marked as one', async () => {
  const named = await send(mock, 'addLead', { headers: { Prefer: 'code=200, example=replayed' } });
  expect(named.headers).toHaveProperty('idempotent-replayed', 'true');
  expect((await send(mock, 'addLead')).headers).not.toHaveProperty('idempotent-replayed');
});
