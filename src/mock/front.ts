import { Hono } from 'hono';
import { proxy } from 'hono/proxy';
import type { Contract } from '../contract/document.ts';
import { readJson } from '../contract/json.ts';
import { mustBeMended } from '../server/refusals.ts';
import { respond } from '../server/respond.ts';
import { refuseUnknownAddresses } from '../server/unknown-address.ts';

/**
 * What stands before Prism and answers where Prism has words of its own instead of the contract's: an
 * address that is not there, a method that it does not take, and a body that is not JSON, on which
 * some versions of Prism never answer. All else is Prism's.
 */
export function mockFront(contract: Contract, prism: string): Hono {
  const app = new Hono();
  for (const { method, path, mediaTypes } of contract.operations) {
    app.on(method, path, async (context) => {
      const bytes = Buffer.from(await context.req.arrayBuffer());
      const [mediaType = ''] = (context.req.header('Content-Type') ?? '').split(';', 1);
      if (mediaTypes.includes(mediaType.trim().toLowerCase())) {
        const json = readJson(bytes);
        if ('failures' in json) return respond(mustBeMended(json.failures));
      }
      const { pathname, search } = new URL(context.req.url);
      return proxy(prism + pathname + search, { method, headers: context.req.header(), body: bytes });
    });
  }
  refuseUnknownAddresses(app);
  return app;
}
