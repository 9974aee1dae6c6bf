/** A partner fixes a request by its validation errors, so every example of them must be what the server sends. */
import { describe, onTestFinished, vi } from 'vitest';
import { post, sendRaw } from '../harness/client.ts';
import { checkResponse, defaultBody, operationOf, operationsWith } from '../harness/contract.ts';
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
      'expires-before-opening': {
        arrange: async ({ store, type }) => {
          const hours = { hours: 'Mon-Fri 09:00-20:00', zone: 'Europe/London', country: 'GB', holidays: [] };
          await store.setCallingHours(type, hours);
          vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-28T12:00:00Z') });
          onTestFinished(() => void vi.useRealTimers());
        },
        send: (server) => post(server, id, { ...defaultBody(id), expires_at: '2026-11-29T18:00:00Z' }),
      },
      'consent-required': { arrange: ({ store, type }) => store.setConsentRequired(type, true) },
    }),
  });
});
