import type { Env, Hono } from 'hono';
import type { Reply } from '../contract/reply.ts';
import type { OnResponse } from '../telemetry/requests.ts';
import { methodNotAllowed, notFound } from './refusals.ts';
import { newRequestId, respond } from './respond.ts';

/** Answers what no route takes: 405 where the path is known by another method, else 404. Add all routes before. */
export function refuseUnknownPaths<Environment extends Env>(
  app: Hono<Environment>,
  onResponse: OnResponse = () => {},
): void {
  const otherMethods = new Map<string, Reply>();
  for (const [path, routes] of Map.groupBy(app.routes, (route) => route.path)) {
    const methods = routes.map(({ method }) => method);
    // Hono answers HEAD with the route of GET.
    if (methods.includes('GET')) methods.push('HEAD');
    otherMethods.set(path, methodNotAllowed(methods));
  }
  app.notFound((context) => {
    const reply = otherMethods.get(context.req.path) ?? notFound;
    const requestId = newRequestId();
    onResponse({ requestId, outcome: reply.outcome, status: reply.status, milliseconds: 0 });
    return respond(reply, requestId);
  });
}
