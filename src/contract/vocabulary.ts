import { Ajv2020 } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import type { PhoneParsers } from '../leads/phone.ts';

/** Keyword: the phone number must be one that the deployment calls. */
export const callableKeyword = 'x-callable';

/**
 * Creates an Ajv that knows the vocabulary of openapi.yaml: the formats `email` and `phone`, `contentSchema` as an
 * assertion, and the extensions. It reports every error (`allErrors`), so that a response lists every invalid field;
 * the maximum body size bounds the cost.
 */
export function contractAjv({ parse, reasonNotCallable }: PhoneParsers): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    strict: true,
    allowUnionTypes: true,
    // The contract's lint validates the schemas; validating them at each start would delay it.
    validateSchema: false,
  });
  ajv.addFormat('email', fullFormats.email);
  ajv.addFormat('phone', (value) => parse(value) !== undefined);
  ajv.addKeyword('x-error-message');
  ajv.addKeyword({
    keyword: callableKeyword,
    type: 'string',
    schemaType: 'boolean',
    validate: (isRequired: boolean, value: string) => !isRequired || reasonNotCallable(value) === undefined,
  });
  ajv.addKeyword({
    keyword: 'x-max-depth',
    schemaType: 'number',
    validate: (maxDepth: number, value: unknown) => isWithinDepth(value, maxDepth),
  });
  // JSON Schema 2020-12 (validation, section 8) lets implementations assert content; Ajv does not.
  ajv.removeKeyword('contentSchema');
  ajv.addKeyword({
    keyword: 'contentSchema',
    type: 'string',
    schemaType: 'object',
    compile: (schema: object) => {
      const validate = ajv.compile(schema);
      return (content: string) => {
        const json = parseJson(content);
        return json !== undefined && validate(json) === true;
      };
    },
  });
  return ajv;
}

/** Returns undefined if the text is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Returns whether a value is nested at most `maxDepth` levels deep. Recurses no deeper than that. */
function isWithinDepth(value: unknown, maxDepth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return maxDepth > 0 && Object.values(value).every((member) => isWithinDepth(member, maxDepth - 1));
}
