import type { OperationId } from '../../../src/contract/reply.ts';
import { sendRaw } from '../../harness/client.ts';
import { checkResponse, operationOf } from '../../harness/contract.ts';
import { bringsEveryExample } from '../../harness/examples.ts';

/** A sender that stops half-way must not hold a connection for ever, and is told that nothing was done. */
export function cutsOffSlowSenders(id: OperationId): void {
  const { method, path } = operationOf(id);

  bringsEveryExample(id, 408, {
    'request-timeout': {
      options: { requestTimeout: 200 },
      send: async (server) => {
        const head = `${method} ${path}?key=${server.key} HTTP/1.1\r\nHost: leads.example\r\n`;
        const run = await sendRaw(
          server,
          `${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"mobile":`,
        );
        checkResponse(id, run);
        return run;
      },
    },
  });
}
