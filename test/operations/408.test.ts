/** A client that stops halfway must not keep a connection for ever, and learns that its request was not processed. */
import { describe } from 'vitest';
import { sendRaw } from '../harness/client.ts';
import { checkResponse, operationOf, operationsWith } from '../harness/contract.ts';
import { testEveryExample } from '../harness/examples.ts';

describe.each(operationsWith(408))('%s', (id) => {
  const { method, path } = operationOf(id);

  testEveryExample(id, 408, {
    'request-timeout': {
      options: { requestTimeout: 200 },
      send: async (server) => {
        const head = `${method} ${path}?key=${server.key} HTTP/1.1\r\nHost: leads.example\r\n`;
        const response = await sendRaw(
          server,
          `${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"mobile":`,
        );
        checkResponse(id, response);
        return response;
      },
    },
  });
});
