/** A partner fixes a request by its validation errors, so every example of them must be what the server sends. */
import { describe } from 'vitest';
import { post, sendRaw } from '../harness/client.ts';
import { checkResponse, operationOf, operationsWith } from '../harness/contract.ts';
import { testEveryExample } from '../harness/examples.ts';
import type { TestServer } from '../harness/server.ts';

describe.each(operationsWith(400))('%s', (id) => {
  const requestLine = `POST ${operationOf(id).path} HTTP/1.1`;
  const sendHead = async (server: TestServer, head: string) => {
    const response = await sendRaw(server, `${head}\r\n\r\n`);
    checkResponse(id, response);
    return response;
  };

  testEveryExample(id, 400, {
    'invalid-http': {
      send: (server) => sendHead(server, `${requestLine}\r\nHost: leads.example\r\nno header`),
    },
    'invalid-host': { send: (server) => sendHead(server, requestLine) },
    ...(id === 'addLeads' && {
      'too-many-items': { send: (server) => post(server, id, { leads: Array(501).fill({}) }) },
    }),
    ...(id === 'addLead' && {
      'consent-required': { arrange: ({ store, type }) => store.setConsentRequired(type, true) },
    }),
  });
});
