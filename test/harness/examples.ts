import { expect, test } from 'vitest';
import { readContract } from '../../src/contract/contract.ts';
import type { OperationId } from '../../src/contract/reply.ts';
import { responseExamples as mockedExamples } from '../../src/mock/examples.ts';
import { rateLimit } from '../../src/partners/rate-limit.ts';
import { send } from './client.ts';
import {
  type ExampleRequest,
  operationOf,
  type ReceivedResponse,
  requestExamples,
  responseExamples,
} from './contract.ts';
import { startServer, type TestServer, type TestServerOptions } from './server.ts';

/** The preconditions of an example; most need none. */
export interface Scenario {
  options?: TestServerOptions;
  arrange?: (server: TestServer) => Promise<void>;
  /** Sends the request, if the response takes more than a single plain request. */
  send?: (server: TestServer) => Promise<ReceivedResponse>;
}

/**
 * Defines a test for each example of a response: it sends the example's request to a new server and compares the
 * response with the example, and its headers with those that the mock sends. The request is the request example with
 * the same key, or the example's `x-request`.
 */
export function testEveryExample(
  id: OperationId,
  status: number,
  scenarios: Record<string, Scenario> = {},
): void {
  const examples = responseExamples(id, status);
  test(`${status} has examples, among them every scenario`, () => {
    expect(Object.keys(examples)).not.toEqual([]);
    expect(Object.keys(examples)).toEqual(expect.arrayContaining(Object.keys(scenarios)));
  });
  for (const [key, example] of Object.entries(examples)) {
    test(`${status}: the request of the example ${key} gets exactly its response`, async ({ task }) => {
      const scenario = scenarios[key] ?? {};
      const server = await startServer({ rateLimit: rateLimit(100), ...scenario.options });
      await scenario.arrange?.(server);
      const response = await (scenario.send?.(server) ??
        send(server, id, requestOf(id, key, example['x-request'])));
      const { status: received, headers } = response;
      const json = withExampleId(response.json, example.value);
      task.meta.produced = { id, key, status: received, json };
      expect({ status: received, outcome: headers['lead-outcome'], json }).toEqual({
        status,
        outcome: example['x-outcome'],
        json: example.value,
      });
      expect(documentedNames(id, response)).toEqual(mockedNames(id, status, key));
    });
  }
}

/** The id of a lead is random: returns a response with the id of the example, if it has one as well. */
function withExampleId(json: unknown, example: unknown): unknown {
  const { lead_id: id, results } = Object(json);
  const { lead_id: exampleId, due_at: exampleDue, results: exampleResults } = Object(example);
  if (Array.isArray(results)) {
    const withIds = results.map((result, index) => withExampleId(result, exampleResults?.[index]));
    return { ...Object(json), results: withIds };
  }
  if (Array.isArray(Object(json).events) && Array.isArray(Object(example).events))
    return withExampleEvents(Object(json), Object(example));
  if (!/^[0-9a-v]{20}$/.test(id) || !exampleId) return json;
  // A row's result states when its call is due, which depends on the time of the request.
  const due = 'ref' in Object(json) && exampleDue ? { due_at: exampleDue } : {};
  return { ...Object(json), lead_id: exampleId, ...due };
}

/** Events have random ids, which the cursor contains, and the time of the database. */
function withExampleEvents(
  json: { events: object[]; next: string },
  example: { events: object[]; next: string },
): unknown {
  const events = json.events.map((event, index) => {
    const { id, timestamp } = Object(example.events[index]);
    return {
      ...Object(event),
      id,
      timestamp,
      data: withExampleId(Object(event).data, Object(example.events[index]).data),
    };
  });
  const [position] = json.next.split('-');
  return { ...json, events, next: `${position}-${example.next.split('-')[1]}` };
}

function requestOf(id: OperationId, key: string, request: ExampleRequest | undefined): ExampleRequest {
  if (request !== undefined) return request;
  const example = requestExamples(id)[key];
  if (example === undefined) {
    throw new Error(
      `The example ${key} of ${id} has neither a request example of its name nor an x-request.`,
    );
  }
  return { body: example.value };
}

/** Returns the names of the documented headers that a response has. */
function documentedNames(id: OperationId, { status, headers }: ReceivedResponse): string[] {
  const documented = Object.keys(operationOf(id).responses[status]?.headers ?? {});
  return documented.filter((name) => name.toLowerCase() in headers).toSorted();
}

/** Returns the names of the headers that the mock sends with an example. */
function mockedNames(id: OperationId, status: number, key: string): string[] {
  const contract = readContract();
  const example = contract.operations
    .filter((operation) => operation.id === id)
    .flatMap((operation) => mockedExamples(contract, operation))
    .find((mocked) => mocked.status === String(status) && mocked.name === key);
  const names = Object.keys(example?.headers ?? {}).filter((name) => name !== 'Content-Type');
  return [...names, 'Request-Id'].toSorted();
}
