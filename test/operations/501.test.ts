/** RFC 9110, section 15.6.2. */

import { describe } from 'vitest';
import { sendRaw } from '../harness/client.ts';
import { checkResponse, operationOf, operationsWith } from '../harness/contract.ts';
import { testEveryExample } from '../harness/examples.ts';
import type { TestServer } from '../harness/server.ts';

describe.each(operationsWith(501))('%s', (id) => {
  const { path } = operationOf(id);
  const sendHead = async (server: TestServer, head: string) => {
    const response = await sendRaw(server, `${head}\r\nHost: leads.example\r\n\r\n0\r\n\r\n`);
    checkResponse(id, response);
    return response;
  };

  testEveryExample(id, 501, {
    'method-not-implemented': { send: (server) => sendHead(server, 'CONNECT leads.example:443 HTTP/1.1') },
    'transfer-coding-not-implemented': {
      send: (server) => sendHead(server, `POST ${path} HTTP/1.1\r\nTransfer-Encoding: gzip, chunked`),
    },
  });
});
