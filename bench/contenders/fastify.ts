/** Fastify with the contract's schema and, if STORE is set, a durable store. */
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { announce, port } from './announce.ts';
import { bodySchema } from './contract.ts';
import { type Lead, openLeads } from './store.ts';

const leads = await openLeads(process.env['STORE'] || undefined);
const app = fastify({
  ajv: { customOptions: { strict: false, allErrors: true, formats: { phone: /^\+?[0-9 ()-]{7,20}$/ } } },
});
app.post<{ Body: Lead }>('/lead/add', { schema: { body: bodySchema } }, async (request) => {
  leads?.add(request.body);
  return { saved: true, processed: true };
});
await app.listen({ port, host: '127.0.0.1' });
// The cast: a server that listens on TCP has an address with a port.
announce((app.server.address() as AddressInfo).port);
