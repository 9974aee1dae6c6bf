import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import type { Contract } from '../contract/contract.ts';
import type { ReadAddress } from './client-address.ts';
import { type DocsValues, docsFile, docsPaths, redirectToDocs } from './docs-page.ts';
import { createDocument, type Document } from './document.ts';
import { Documents } from './documents.ts';
import { healthz, readyz } from './health.ts';
import { jsonWithServer, yamlWithServer } from './public-url.ts';
import type { Readiness } from './readiness.ts';

/** What the routes without a key depend on. */
export interface PublicRouteOptions extends DocsValues {
  readAddress: ReadAddress;
  readiness: Pick<Readiness, 'isReady'>;
  /** Maximum total size of the documents that clients have not read (bytes). Undefined: the default. */
  maxUnread?: number | undefined;
}

/** Adds the routes that need no key: the health checks, the partners' page and the contract. */
export function addPublicRoutes(
  app: Hono<{ Bindings: HttpBindings }>,
  contract: Contract,
  { readAddress, readiness, maxUnread, ...values }: PublicRouteOptions,
): void {
  app.get('/healthz', () => healthz());
  app.get('/readyz', () => readyz(readiness.isReady));
  const documents = new Documents(readAddress, maxUnread);
  const serve = (path: string, type: string, text: () => string) => {
    let document: Document | undefined;
    app.get(path, (context) => {
      document ??= createDocument(Buffer.from(text()), { 'Content-Type': type });
      return documents.serve(context, document);
    });
  };
  // Media type of RFC 9512.
  serve('/openapi.yaml', 'application/yaml', () => yamlWithServer(contract.yaml, values.publicUrl));
  serve('/openapi.json', 'application/json', () => jsonWithServer(contract.json, values.publicUrl));
  for (const [path, file] of Object.entries(docsPaths)) {
    app.get(path, (context) => documents.serve(context, docsFile(file, values)));
  }
  for (const path of ['/', '/docs']) app.get(path, () => redirectToDocs());
}
