/** Partners' production code keeps working: whatever the contract of the last release accepts is accepted. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BodySchema, readContract } from '../../src/contract/contract.ts';
import { bodyNormaliser } from '../../src/contract/normalise.ts';
import { validators } from '../../src/contract/validation.ts';
import { contractAjv } from '../../src/contract/vocabulary.ts';
import { phoneParsers } from '../../src/leads/phone.ts';

interface Released {
  paths: Record<
    string,
    { post: { operationId: string; requestBody: { content: Record<string, { schema: BodySchema }> } } }
  >;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const fixtures = join(root, 'test/fixtures');

/** Reads the contract of the last release, dereferenced. */
function readReleased(): Released {
  const versions = readdirSync(fixtures, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const newest = versions
    .map(({ name }) => name)
    .sort((one, other) => one.localeCompare(other, 'en', { numeric: true }))
    .at(-1);
  const directory = mkdtempSync(join(tmpdir(), 'leads-'));
  const bundle = join(directory, 'openapi.json');
  const redocly = join(root, 'node_modules/.bin/redocly');
  execFileSync(
    redocly,
    ['bundle', join(fixtures, `${newest}/openapi.yaml`), '--dereferenced', '-o', bundle],
    {
      stdio: 'pipe',
    },
  );
  const released: Released = JSON.parse(readFileSync(bundle, 'utf8'));
  rmSync(directory, { recursive: true });
  return released;
}

const phones = phoneParsers('GB');
const ajv = contractAjv(phones);
const contract = readContract();
const validatorOf = validators(contract, phones);

/** Values that meet or miss the rules of fields by little. */
const values = [
  ...[null, true, false, 'true', 'false', '', ' ', '\t', 'True'],
  ...[0, 1, -1, 1.5, 600, 31_536_000, 31_536_001, '0', '600', '0600', '31536000', '99999999999', '-1', '1.5'],
  ...[
    '07840258823',
    '+447840258823',
    '(0) 7840-258.823',
    '+491701234567',
    '0000',
    'x'.repeat(64),
    'x'.repeat(65),
  ],
  ...['john.doe@test.com', 'a@b', `${'x'.repeat(240)}@example.com`, 'motor-trade', 'John', '\u200b', 'Zoë'],
  ...['{"a":1}', '[1]', '{}', '[]', '{"a":{"b":[{"c":null}]}}', '{', [], {}, ['x'], 'x'.repeat(70_000)],
];

/** Returns bodies that consist of fields which are valid by themselves. */
function bodiesOf(schema: BodySchema): fc.Arbitrary<object> {
  const normalise = bodyNormaliser(schema);
  const fields = Object.entries(schema.properties).map(([name, field]) => {
    const required = schema.required.filter((each) => each === name);
    const isValid = ajv.compile({ type: 'object', properties: { [name]: field }, required });
    const examples = 'examples' in field && Array.isArray(field.examples) ? field.examples : [];
    const valid = [...examples, ...values].filter((value) => isValid(normalise({ [name]: value })));
    return [name, fc.constantFrom(...valid)] as const;
  });
  return fc.record(Object.fromEntries(fields), { requiredKeys: [...schema.required] });
}

describe.each(Object.values(readReleased().paths))('$post.operationId', ({ post }) => {
  const [media] = Object.values(post.requestBody.content);
  if (media === undefined) throw new Error(`${post.operationId} has no body.`);
  const isValid = ajv.compile(media.schema);
  const normalise = bodyNormaliser(media.schema);
  const operation = contract.operations.find(({ id }) => id === post.operationId);

  test('accepts every body that the contract of the last release accepts', () => {
    if (operation === undefined) throw new Error(`${post.operationId} has been removed.`);
    const validate = validatorOf(operation);
    fc.assert(
      fc.property(bodiesOf(media.schema), (body) => {
        fc.pre(isValid(normalise(body)));
        expect(validate({ query: {}, headers: {}, body })).not.toHaveProperty('errors');
      }),
      { numRuns: 1_000 },
    );
  });
});
