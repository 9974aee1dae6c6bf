/** A partner who pastes a broken body is told where it breaks and what to do, not just that it does. */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { locateJsonError } from '../../src/contract/json-syntax-error.ts';
import { send } from '../harness/client.ts';
import { startServer } from '../harness/server.ts';

/** A body as a POSIX shell makes it of what stands between single quotes. */
function pasted(argument: string): string {
  return execFileSync('sh', ['-c', `printf %s ${argument}`], { encoding: 'utf8' });
}

describe('the slips that the documentation makes, pasted into a shell', () => {
  test.each([
    [
      'two backslashes before a quote mark',
      `'{"first_name":"John", "data": "{\\\\"vehicle_make\\\\":\\\\"Ford\\\\"}", "delays":600}'`,
      'line 1, column 33: a quote mark inside a string has one backslash before it, not two.',
    ],
    [
      'a missing comma before "test"',
      `'{"first_name":"John",\n "data": "{\\"vehicle_make\\":\\"Ford\\"}"\n "test": true}'`,
      'line 2, column 39: a comma is missing.',
    ],
    [
      'a trailing comma',
      `'{"mobile":"07840258823",\n "type":"motor-trade",\n}'`,
      'line 2, column 22: remove the comma before the closing brace.',
    ],
  ])('%s', async (_slip, argument, place) => {
    const server = await startServer();
    const { status, json } = await send(server, 'addLead', { text: pasted(argument) });
    expect({ status, json }).toEqual({
      status: 400,
      json: { body: { 0: `Body is not valid JSON at ${place}` } },
    });
  });
});

test.each([
  ['{"a":1,}', 6, 'remove the comma before the closing brace'],
  ['{"a":[1,]}', 7, 'remove the comma before the closing bracket'],
  ['{"a":"x" "b":2}', 8, 'a comma is missing'],
  ['{"a":"x"\n  "b":2}', 8, 'a comma is missing'],
  ["{'a':1}", 1, 'use double quotes instead of single quotes'],
  ['{"a":\'x\'}', 5, 'use double quotes instead of single quotes'],
  ['{“a”:1}', 1, 'use straight double quotes'],
  ['{"a":"say "hi""}', 10, 'a quote mark inside a string needs a backslash before it'],
  ['{"m":07840258823}', 5, 'a number cannot begin with 0; put a phone number in double quotes'],
  ['{"m":+447840258823}', 5, 'a number cannot begin with + or a dot; put a phone number in double quotes'],
  ['{"m":07840 258823}', 5, 'a number cannot begin with 0; put a phone number in double quotes'],
  ['{"m":44-7840}', 5, 'this is neither a number nor a word of JSON; put text in double quotes'],
  ['{a:1}', 1, 'a field name in double quotes is expected here'],
  ['{"a":True}', 5, 'put text in double quotes; only true, false and null stand bare'],
  ['{"a":NaN}', 5, 'put text in double quotes; only true, false and null stand bare'],
  ['{"a"=1}', 4, 'a colon is missing after the field name'],
  ['{"a":"x', 7, 'it ends before it is complete'],
  ['{"a":', 5, 'it ends before it is complete'],
  ['{"a":1', 6, 'it ends before it is complete'],
  ['{"a":"x\ny"}', 7, 'a string ends on its own line; write a line break in it as \\n'],
  ['{"a":"C:\\dir"}', 8, 'a single backslash cannot stand here; write \\\\ for a backslash'],
  ['{"a":"\t"}', 6, 'a control character cannot stand in a string; write a tab as \\t'],
  ['{"a":1}}', 7, 'nothing may follow the end of the JSON'],
  ['{"a":[1}', 7, 'a closing bracket is expected here'],
  ['{"a":1 /* one */}', 7, 'JSON has no comments; remove this one'],
  ['email=john.doe%40test.com', 0, 'a JSON object begins with a brace'],
])('%s: the slip is named where it is', (text, offset, advice) => {
  expect(locateJsonError(text)).toEqual({ offset, advice });
});

test('the slip is found in any text that is not JSON, and in none that is', () => {
  const near = fc
    .tuple(
      fc.json({ maxDepth: 3 }),
      fc.nat(),
      fc.constantFrom('', ',', '"', "'", '\\', '{', ']', '0', 'x', '\n', ' '),
    )
    .map(
      ([json, at, piece]) =>
        json.slice(0, at % (json.length + 1)) + piece + json.slice((at % (json.length + 1)) + 1),
    );
  fc.assert(
    fc.property(fc.oneof(near, fc.string(), fc.json()), (text) => {
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      if (isJson) {
        expect(() => locateJsonError(text)).toThrow('A text without a slip.');
        return;
      }
      const { offset } = locateJsonError(text);
      expect(offset).toBeGreaterThanOrEqual(0);
      expect(offset).toBeLessThanOrEqual(text.length);
    }),
    { numRuns: 3_000 },
  );
});

test('a body nested as deep as it can be is refused like any other', async () => {
  const server = await startServer();
  const deep = '['.repeat(120_000);
  expect((await send(server, 'addLead', { text: deep })).status).toBe(400);
  expect((await send(server, 'addLead', { text: deep + ']'.repeat(10_000) })).status).toBe(400);
  expect(
    (await send(server, 'addLead', { text: `{"data":${'['.repeat(60_000)}${']'.repeat(60_000)}}` })).status,
  ).toBe(400);
});
