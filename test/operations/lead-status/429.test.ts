/** One partner's burst of questions must not keep the other partners waiting. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { onTestFinished } from 'vitest';
import { send } from '../../harness/client.ts';
import { operationOf } from '../../harness/contract.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import type { TestServer } from '../../harness/server.ts';
import { limitScenarios, limitsRates } from '../shared/429.ts';

/** A request that stays under way: its body does not come. */
async function beginRequest(server: TestServer): Promise<void> {
  const { hostname, port } = new URL(server.url);
  const { method, path } = operationOf('leadStatus');
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  // `100 Continue` says that the server waits for the body.
  socket.write(
    `${method} ${path}?key=${server.key} HTTP/1.1\r\nHost: leads\r\nContent-Type: application/json\r\n` +
      'Content-Length: 10\r\nExpect: 100-continue\r\n\r\n',
  );
  await once(socket, 'data');
}

limitsRates('leadStatus');

bringsEveryExample('leadStatus', 429, {
  ...limitScenarios('leadStatus'),
  'too-many-in-flight': {
    options: { inFlightPerKey: 1 },
    arrange: beginRequest,
    send: (server) => send(server, 'leadStatus'),
  },
});
