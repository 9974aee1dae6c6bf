import { type Context, Hono } from 'hono';
import { proxy } from 'hono/proxy';
import type { Contract } from '../contract/document.ts';
import { readJson } from '../contract/json.ts';
import type { Reply } from '../contract/reply.ts';
import { type Validate, validators } from '../contract/validation.ts';
import { phoneParsers } from '../leads/phone.ts';
import { isSupportedMediaType } from '../server/media-type.ts';
import { unsupportedMediaType, validationFailed } from '../server/refusals.ts';
import { newRequestId, respond } from '../server/respond.ts';
import { refuseUnknownPaths } from '../server/unknown-path.ts';

/** Query parameters that select an example in Prism. */
const prismParameters = ['__code', '__example', '__dynamic'];

/**
 * Creates the mock. It responds to invalid requests as the server does, and proxies valid ones to Prism. Prism alone
 * would not report which field is invalid, and has its own messages for invalid JSON and unknown paths.
 *
 * @param prismUrl URL of a running Prism that serves the same contract
 */
export function mockApp(contract: Contract, prismUrl: string): Hono {
  const app = new Hono();
  const validatorOf = validators(contract, phoneParsers('GB'));
  for (const operation of contract.operations) {
    const validate = validatorOf(operation);
    app.on(operation.method, operation.path, async (context) => {
      const { req } = context;
      if (!isSupportedMediaType(operation, req.header('Content-Type'), req.header('Content-Encoding'))) {
        return respond(unsupportedMediaType(operation));
      }
      const body = Buffer.from(await req.arrayBuffer());
      const refusal = refusalOf(context, body, validate);
      if (refusal !== undefined) return respond(refusal);
      const { pathname, search } = new URL(req.url);
      const headers = req.header();
      const response = await proxy(prismUrl + pathname + search, { method: operation.method, headers, body });
      if (isUnknownExample(context, response)) return unknownExample();
      // Prism sends every documented header with every response.
      if (!isReplayRequested(context)) response.headers.delete('Idempotent-Replayed');
      return response;
    });
  }
  refuseUnknownPaths(app);
  return app;
}

function refusalOf({ req }: Context, body: Buffer, validate: Validate): Reply | undefined {
  const json = readJson(body);
  if ('errors' in json) return validationFailed(json.errors);
  const query = { ...req.queries() };
  for (const name of prismParameters) delete query[name];
  const validated = validate({ query, headers: req.header(), body: json.value });
  return 'errors' in validated ? validationFailed(validated.errors) : undefined;
}

/** Returns the response to a request for an example that does not exist, because Prism's own error is obscure. */
function unknownExample(): Response {
  const error =
    'This operation has no response with this status and name. The mock server lists all responses when it starts.';
  return Response.json(
    { error },
    {
      status: 404,
      headers: { 'Request-Id': newRequestId(), 'Lead-Outcome': 'path-not-found' },
    },
  );
}

function isUnknownExample({ req }: Context, { headers }: Response): boolean {
  const isSelected =
    ['__code', '__example'].some((name) => req.query(name) !== undefined) || req.header('Prefer');
  return Boolean(isSelected) && headers.get('Content-Type')?.startsWith('application/problem+json') === true;
}

function isReplayRequested({ req }: Context): boolean {
  return req.query('__example') === 'replayed' || /\bexample="?replayed\b/.test(req.header('Prefer') ?? '');
}
