import { Ajv2020 } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import type { PhoneParsers } from '../leads/phone.ts';

/** The keyword of a phone number that must be one that the deployment calls. */
export const callable = 'x-callable';

/**
 * Ajv with the words that openapi.yaml uses: the formats `email` and `phone`, `contentSchema` as a rule rather
 * than a note, and the extensions.
 *
 * Every error is reported (`allErrors`), since a partner is told of every failing field at once.
 * What that costs is bounded by the size of a body.
 */
export function contractAjv({ parse, reasonNotCallable }: PhoneParsers): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    strict: true,
    allowUnionTypes: true,
    // The contract's lint holds its schemas to JSON Schema; once more at each start would be 60 ms of it.
    validateSchema: false,
  });
  ajv.addFormat('email', fullFormats.email);
  ajv.addFormat('phone', (written) => parse(written) !== undefined);
  ajv.addKeyword('x-error-message');
  ajv.addKeyword({
    keyword: callable,
    type: 'string',
    schemaType: 'boolean',
    validate: (isRequired: boolean, written: string) =>
      !isRequired || reasonNotCallable(written) === undefined,
  });
  ajv.addKeyword({
    keyword: 'x-max-depth',
    schemaType: 'number',
    validate: (most: number, value: unknown) => isWithinDepth(value, most),
  });
  // JSON Schema 2020-12 (validation, section 8) leaves it open whether content is asserted: here it is.
  ajv.removeKeyword('contentSchema');
  ajv.addKeyword({
    keyword: 'contentSchema',
    type: 'string',
    schemaType: 'object',
    compile: (schema: object) => {
      const validate = ajv.compile(schema);
      return (content: string) => {
        const json = parsed(content);
        return json !== undefined && validate(json) === true;
      };
    },
  });
  return ajv;
}

/** What the text holds as JSON; undefined where it holds none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether no value lies in more than `most` objects and arrays. It needs no more stack than that. */
function isWithinDepth(value: unknown, most: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return most > 0 && Object.values(value).every((member) => isWithinDepth(member, most - 1));
}
