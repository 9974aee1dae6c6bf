/** Any body gets a documented response: no crash, no hang, and no unintended lead. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { OperationId } from '../../src/contract/reply.ts';
import { post, send } from '../harness/client.ts';
import { operationIds, requestExamples, requestValue } from '../harness/contract.ts';
import { leadsIn, startServer, submissionsIn, type TestServer } from '../harness/server.ts';

/** Per operation and kind of body. `npm run fuzz` sends more, of more kinds. */
const runs = 50;

const person = requestValue('addLead', 'accepted');

/** `send` checks every response against the contract; this also checks that a rejected request saved nothing. */
async function expectDocumentedResponse(
  server: TestServer,
  id: OperationId,
  body: { text: string } | { base64: string },
) {
  const before = await countStored(server);
  const { status } = await send(server, id, body);
  expect(status).toBeLessThan(500);
  if (status !== 200) expect(await countStored(server)).toEqual(before);
}

async function countStored(server: TestServer) {
  return {
    leads: (await leadsIn(server.store)).length,
    submissions: (await submissionsIn(server.store)).length,
  };
}

/** Generates bodies with the fields of the examples, each valid, invalid or missing. */
function nearlyValidBody(id: OperationId) {
  const fields = Object.assign({}, ...Object.values(requestExamples(id)).map(({ value }) => value));
  const model = Object.fromEntries(
    Object.entries(fields).map(([name, right]) => [
      name,
      fc.oneof(
        { weight: 6, arbitrary: fc.constant(right) },
        fc.jsonValue(),
        fc.string({ unit: 'binary' }),
        fc.constantFrom('', ' ', '\u0000', '\ud800', '0'.repeat(1000), `+${'9'.repeat(15)}`, '{"a":1}'),
      ),
    ]),
  );
  return fc.record(model, { requiredKeys: [] });
}

for (const id of operationIds()) {
  test(`${id} returns a documented response to any JSON value`, async () => {
    const server = await startServer();
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.jsonValue({ maxDepth: 4 }), nearlyValidBody(id)), (value) =>
        expectDocumentedResponse(server, id, { text: JSON.stringify(value) }),
      ),
      { numRuns: runs },
    );
  });

  test(`${id} returns a documented response to any bytes`, async () => {
    const server = await startServer();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), (bytes) =>
        expectDocumentedResponse(server, id, { base64: Buffer.from(bytes).toString('base64') }),
      ),
      { numRuns: runs },
    );
  });

  test(`${id} returns a documented response to a truncated or corrupted body`, async () => {
    const server = await startServer();
    const [example] = Object.values(requestExamples(id));
    const whole = Buffer.from(JSON.stringify(example?.value));
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), fc.boolean(), (at, byte, isTruncated) => {
        const bytes = Buffer.from(isTruncated ? whole.subarray(0, at) : whole);
        if (!isTruncated) bytes[at] = byte;
        return expectDocumentedResponse(server, id, { base64: bytes.toString('base64') });
      }),
      { numRuns: runs },
    );
  });
}

test.each([
  ['an e-mail address', 'email', `${'a.'.repeat(60_000)}@`],
  ['an e-mail address', 'email', `a@${'a-'.repeat(60_000)}`],
  ['a phone number', 'mobile', ' '.repeat(120_000)],
  ['a phone number', 'mobile', `${'('.repeat(60_000)}+${'-'.repeat(60_000)}`],
  ['a phone number', 'mobile', `${'1 '.repeat(60_000)}x`],
  ['a delay', 'delays', `${'0'.repeat(120_000)}x`],
  ['data', 'data', '['.repeat(120_000)],
])('rejects %s of 120,000 characters without backtracking', async (_what, field, value) => {
  const server = await startServer();
  // A pattern that backtracks would let the test time out.
  const { status, json } = await post(server, 'addLead', { ...person, [field]: value });
  expect({ status, fields: Object.keys(Object(json)) }).toEqual({ status: 400, fields: [field] });
});

test('rejects a body with ten thousand unknown fields', async () => {
  const server = await startServer();
  const names = Array.from({ length: 10_000 }, (_, index) => `f${index}`);
  const unknown = Object.fromEntries(names.map((name) => [name, 0]));
  const { status, json } = await post(server, 'addLead', { ...person, ...unknown });
  expect(status).toBe(400);
  expect(Object.keys(Object(json)).sort()).toEqual(names.sort());
});
