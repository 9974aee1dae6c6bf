import { type Context, Hono } from 'hono';
import { proxy } from 'hono/proxy';
import type { Contract } from '../contract/document.ts';
import { readJson } from '../contract/json.ts';
import type { Reply } from '../contract/reply.ts';
import { type Validate, validators } from '../contract/validation.ts';
import { phoneParsers } from '../leads/phone.ts';
import { isSupportedMediaType } from '../server/media-type.ts';
import { unsupportedMediaType, validationFailed } from '../server/refusals.ts';
import { respond } from '../server/respond.ts';
import { refuseUnknownPaths } from '../server/unknown-path.ts';

/** The parameters by which Prism is told which outcome is wanted. */
const prismsParameters = ['__code', '__example', '__dynamic'];

/**
 * What stands before Prism, and answers as the server does what a request brings about by being wrong: Prism
 * cannot tell which field failed, and has words of its own for what is no JSON and for wrong addresses.
 * The outcomes of requests that are right are Prism's.
 */
export function mockFront(contract: Contract, prism: string): Hono {
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
      const answer = await proxy(prism + pathname + search, { method: operation.method, headers, body });
      // Prism sends every header that an answer can have.
      if (!isReplayWanted(context)) answer.headers.delete('Idempotent-Replayed');
      return answer;
    });
  }
  refuseUnknownPaths(app);
  return app;
}

function refusalOf({ req }: Context, body: Buffer, validate: Validate): Reply | undefined {
  const json = readJson(body);
  if ('failures' in json) return validationFailed(json.failures);
  const query = { ...req.queries() };
  for (const name of prismsParameters) delete query[name];
  const validated = validate({ query, headers: req.header(), body: json.value });
  return 'failures' in validated ? validationFailed(validated.failures) : undefined;
}

function isReplayWanted({ req }: Context): boolean {
  return req.query('__example') === 'replayed' || /\bexample="?replayed\b/.test(req.header('Prefer') ?? '');
}
