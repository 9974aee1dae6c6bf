import type { Context, Env, Hono } from 'hono';
import type { Reply } from '../contract/reply.ts';
import type { OnResponse } from '../telemetry/requests.ts';
import { methodNotAllowed, notFound } from './refusals.ts';
import { newRequestId, respond } from './respond.ts';

/**
 * Responds to requests without a route: 405 if the path has other methods, otherwise 404. Call it after adding all
 * routes.
 *
 * @param addressOf returns the address of the client, for the log
 */
export function refuseUnknownPaths<Environment extends Env>(
  app: Hono<Environment>,
  onResponse: OnResponse = () => {},
  addressOf: (context: Context<Environment>) => string | undefined = () => undefined,
): void {
  const methodRefusals = new Map<string, Reply>();
  for (const [path, routes] of Map.groupBy(app.routes, (route) => route.path)) {
    const methods = routes.map(({ method }) => method);
    // Hono routes HEAD to GET.
    if (methods.includes('GET')) methods.push('HEAD');
    methodRefusals.set(path, methodNotAllowed(methods));
  }
  app.notFound((context) => {
    const reply = methodRefusals.get(context.req.path) ?? notFound;
    const requestId = newRequestId();
    const address = addressOf(context);
    onResponse({ requestId, address, outcome: reply.outcome, status: reply.status, milliseconds: 0 });
    return respond(reply, requestId);
  });
}
