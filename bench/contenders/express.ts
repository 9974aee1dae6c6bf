/** Express with express-openapi-validator and, if STORE is set, a durable store. */
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler } from 'express';
import * as OpenApiValidator from 'express-openapi-validator';
import { announce, port } from './announce.ts';
import { contractFile } from './contract.ts';
import { openLeads } from './store.ts';

const leads = await openLeads(process.env['STORE'] || undefined);
const app = express();
app.use(express.json());
app.use(
  OpenApiValidator.middleware({
    apiSpec: contractFile,
    validateRequests: true,
    validateResponses: false,
    validateSecurity: { handlers: { bearerKey: () => true, queryKey: () => true } },
    formats: { phone: { type: 'string', validate: (text: string) => /^\+?[0-9 ()-]{7,20}$/.test(text) } },
  }),
);
app.post('/lead/add', (request, response) => {
  leads?.add(request.body);
  response.json({ saved: true, processed: true });
});
const refuse: ErrorRequestHandler = (error, _request, response, _next) => {
  response.status(error.status ?? 500).json({ message: error.message, errors: error.errors });
};
app.use(refuse);
const server = app.listen(port, '127.0.0.1', () => {
  // The cast: a server that listens on TCP has an address with a port.
  announce((server.address() as AddressInfo).port);
});
