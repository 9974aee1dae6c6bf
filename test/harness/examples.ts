import { expect, test } from 'vitest';
import type { OperationId } from '../../src/contract/reply.ts';
import { send } from './client.ts';
import { type ReceivedResponse, requestExamples, responseExamples, type SentRequest } from './contract.ts';
import { startServer, type TestServer, type TestServerOptions } from './server.ts';

/** What must be there before an example's request brings its response. Nothing, for most. */
export interface Scenario {
  options?: TestServerOptions;
  arrange?: (server: TestServer) => Promise<void>;
  /** How the request comes about where one plain request does not bring the response. */
  send?: (server: TestServer) => Promise<ReceivedResponse>;
}

/**
 * Sends the request of every example that openapi.yaml has for a response, each to a server of its
 * own, and compares the response with the example. The request is the request example with the same
 * key, or the response example's `x-request`. An example that is added is tested from then on.
 */
export function bringsEveryExample(
  id: OperationId,
  status: number,
  scenarios: Record<string, Scenario> = {},
): void {
  const examples = responseExamples(id, status);
  test(`${id} ${status} has examples, and every scenario is one of them`, () => {
    expect(Object.keys(examples)).not.toEqual([]);
    expect(Object.keys(examples)).toEqual(expect.arrayContaining(Object.keys(scenarios)));
  });
  for (const [key, example] of Object.entries(examples)) {
    test(`${id} ${status}: the request of the example ${key} brings exactly its response`, async ({
      task,
    }) => {
      const scenario = scenarios[key] ?? {};
      const server = await startServer(scenario.options);
      await scenario.arrange?.(server);
      const response = await (scenario.send?.(server) ??
        send(server, id, requestOf(id, key, example['x-request'])));
      const { status: received, json } = response;
      task.meta.produced = { id, key, status: received, json };
      expect({ status: received, json }).toEqual({ status, json: example.value });
    });
  }
}

function requestOf(id: OperationId, key: string, request: SentRequest | undefined): SentRequest {
  if (request !== undefined) return request;
  const example = requestExamples(id)[key];
  if (example === undefined) {
    throw new Error(
      `The example ${key} of ${id} has neither a request example of its name nor an x-request.`,
    );
  }
  return { body: example.value };
}
