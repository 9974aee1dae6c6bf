import type { OperationId } from '../../../src/contract/reply.ts';
import { sendRaw } from '../../harness/client.ts';
import { checkResponse, operationOf } from '../../harness/contract.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import type { TestServer } from '../../harness/server.ts';

/** RFC 9110, section 15.6.2. */
export function refusesUnknownHttp(id: OperationId): void {
  const { path } = operationOf(id);
  const ask = async (server: TestServer, head: string) => {
    const run = await sendRaw(server, `${head}\r\nHost: leads.example\r\n\r\n0\r\n\r\n`);
    checkResponse(id, run);
    return run;
  };

  bringsEveryExample(id, 501, {
    'method-not-implemented': { send: (server) => ask(server, 'CONNECT leads.example:443 HTTP/1.1') },
    'transfer-coding-not-implemented': {
      send: (server) => ask(server, `POST ${path} HTTP/1.1\r\nTransfer-Encoding: gzip, chunked`),
    },
  });
}
