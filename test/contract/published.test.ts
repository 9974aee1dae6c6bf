/** What partners generate clients from: the contract without this project's own extensions, and ready for additions. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { readContract } from '../../src/contract/contract.ts';
import { operationIds, operationOf, responseExamples } from '../harness/contract.ts';

interface Published {
  paths: Record<string, { post: { operationId: string; responses: Record<string, unknown> } }>;
  components: { schemas: Record<string, object> };
}

const { json } = readContract();
const published: Published = JSON.parse(json);
const ajv = new Ajv2020({ strict: false, validateFormats: false }).addSchema(published, 'published');

/** Returns whether a value is valid against a published schema. */
function accepts(schema: string, value: unknown): boolean {
  return ajv.validate({ $ref: `published#/components/schemas/${schema}` }, value);
}

/** A lead that was found, as in the first example. */
const found = Object(Object.values(responseExamples('leadStatus', 200))[0]?.value);

test('the published contract has all operations and statuses, and nothing that only this project uses', () => {
  const operations = Object.values(published.paths).map(({ post }) => post);
  expect(operations.map(({ operationId, responses }) => [operationId, Object.keys(responses)])).toEqual(
    operationIds().map((id) => [id, Object.keys(operationOf(id).responses)]),
  );
  expect(new Set(json.match(/"x-[a-z-]+"/g))).toEqual(new Set(['"x-outcome"']));
  expect(json).not.toContain('leadDue');
});

/** The fields without a description within a part of the published contract. */
function undescribed(part: unknown, path = ''): string[] {
  if (typeof part !== 'object' || part === null) return [];
  const fields = Object.entries(Object(Object(part).properties)).filter(
    ([, field]) => !('description' in Object(field) || '$ref' in Object(field)),
  );
  return [
    ...fields.map(([name]) => `${path}/${name}`),
    ...Object.entries(part).flatMap(([name, inner]) =>
      name === 'examples' ? [] : undescribed(inner, `${path}/${name}`),
    ),
  ];
}

test('every published schema and each of its fields has a description', () => {
  expect(undescribed(published)).toEqual([]);
  for (const [name, schema] of Object.entries(published.components.schemas))
    expect(schema, name).toHaveProperty('description');
  expect(published.components.schemas['AddLeadResult']).toMatchObject({
    properties: { saved: { description: expect.stringMatching(/^`\w+`: .+\. `\w+`: .+\.$/) } },
  });
});

test.each([
  ['LeadNotAccepted', { saved: true, processed: false, error: 'Do Not Call' }],
  ['LeadNotCancelled', { cancelled: false, warning: 'a later one' }],
  ['LeadFound', { ...found, state: 'a later one' }],
  ['LeadFound', { ...found, later: true }],
  ['LeadNotFound', { found: false, later: true }],
  ['Outcome', 'a-later-one'],
])('published %s accepts what a later version may add: %j', (schema, value) => {
  expect(accepts(schema, value), ajv.errorsText()).toBe(true);
});

test.each([
  ['LeadNotAccepted', { saved: true, processed: false, error: 'Unknown Type', later: true }],
  ['LeadAccepted', { saved: true, processed: true, later: true }],
  ['LeadCancelled', { cancelled: true, later: true }],
])('published %s accepts no further members, because documented bodies never change: %j', (schema, value) => {
  const { later: _later, ...documented } = value;
  expect(accepts(schema, documented), ajv.errorsText()).toBe(true);
  expect(accepts(schema, value)).toBe(false);
});

test('the server is held to the known values and members', () => {
  const strict = operationOf('leadStatus').responses[200]?.content['application/json']?.schema ?? {};
  expect(ajv.validate(strict, found), ajv.errorsText()).toBe(true);
  expect(ajv.validate(strict, { ...found, state: 'a later one' })).toBe(false);
  expect(ajv.validate(strict, { ...found, later: true })).toBe(false);
});
