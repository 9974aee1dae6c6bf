import type { Env, Hono } from 'hono';
import type { TellAnswered } from '../telemetry/requests.ts';
import { methodNotAllowed, notFound } from './refusals.ts';
import { newRequestId, respond } from './respond.ts';

/** Answers what no route takes: 405 where the path is known by another method, else 404. */
export function refuseUnknownAddresses<Environment extends Env>(
  app: Hono<Environment>,
  tellAnswered: TellAnswered = () => {},
): void {
  app.notFound((context) => {
    const methods = app.routes.filter(({ path }) => path === context.req.path).map(({ method }) => method);
    // Hono answers HEAD with the route of GET.
    if (methods.includes('GET')) methods.push('HEAD');
    const reply = methods.length === 0 ? notFound : methodNotAllowed(methods);
    const requestId = newRequestId();
    tellAnswered({ requestId, outcome: reply.outcome, status: reply.status, milliseconds: 0 });
    return respond(reply, requestId);
  });
}
