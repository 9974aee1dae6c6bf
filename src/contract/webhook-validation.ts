import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import type { components } from '../../generated/openapi.ts';

const bundle = new URL('../../generated/openapi.json', import.meta.url);

/** Body of the webhook `leadResult` of openapi.yaml, which a dialler sends to this server. */
export type LeadResultEvent = components['schemas']['LeadResultEvent'];

/** Returns a check of the bodies of `leadResult`. Its result describes what is wrong; undefined: nothing. */
export function leadResultCheck(): (body: unknown) => string | undefined {
  // The cast: the contract's lint and the tests guarantee this shape.
  const { webhooks } = JSON.parse(readFileSync(bundle, 'utf8')) as {
    webhooks: {
      leadResult: { post: { requestBody: { content: { 'application/json': { schema: object } } } } };
    };
  };
  const ajv = new Ajv2020({ strict: false, validateSchema: false });
  ajv.addFormat('date-time', fullFormats['date-time']);
  const validate = ajv.compile(webhooks.leadResult.post.requestBody.content['application/json'].schema);
  return (body) => (validate(body) ? undefined : ajv.errorsText(validate.errors, { dataVar: 'the body' }));
}
