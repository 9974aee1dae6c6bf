/**
 * The documentation's own examples contain JSON mistakes, so the response must locate them and explain how to fix them.
 */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { locateJsonError } from '../../src/contract/json-syntax-error.ts';
import { send } from '../harness/client.ts';
import { startServer } from '../harness/server.ts';

/** Returns what a POSIX shell passes to a program for a quoted argument. */
function unquotedByShell(argument: string): string {
  return execFileSync('sh', ['-c', `printf %s ${argument}`], { encoding: 'utf8' });
}

describe('explains the mistakes of the documented examples', () => {
  test.each([
    [
      'two backslashes before a quote mark',
      `'{"first_name":"John", "data": "{\\\\"vehicle_make\\\\":\\\\"Ford\\\\"}", "delays":600}'`,
      'line 1, column 33: escape a quotation mark with one backslash, not two.',
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
  ])('%s', async (_mistake, argument, message) => {
    const server = await startServer();
    const { status, json } = await send(server, 'addLead', { text: unquotedByShell(argument) });
    expect({ status, json }).toEqual({
      status: 400,
      json: { body: { 0: `Body is not valid JSON at ${message}` } },
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
  ['{`a`:1}', 1, 'use double quotes instead of single quotes'],
  ['{“a”:1}', 1, 'use straight double quotes'],
  ['{"a":"say "hi""}', 10, 'escape a quotation mark inside a string with a backslash'],
  ['{"m":07840258823}', 5, 'a number cannot start with 0; put phone numbers in double quotes'],
  ['{"m":+447840258823}', 5, 'a number cannot start with + or a dot; put phone numbers in double quotes'],
  ['{"m":07840 258823}', 5, 'a number cannot start with 0; put phone numbers in double quotes'],
  ['{"m":44-7840}', 5, 'this is neither a number nor true, false or null; put text in double quotes'],
  ['{a:1}', 1, 'expected a field name in double quotes'],
  ['{"a":True}', 5, 'put text in double quotes; the only words without quotes are true, false and null'],
  ['{"a":NaN}', 5, 'put text in double quotes; the only words without quotes are true, false and null'],
  ['{"a":"C:\\\\" "b":2}', 11, 'a comma is missing'],
  ['{"a":\u00a01}', 5, 'JSON allows only spaces, tabs and line breaks as white space; put a space here'],
  ['{"a"=1}', 4, 'a colon is missing after the field name'],
  ['{"a"}', 4, 'a colon is missing after the field name'],
  ['{"a"', 4, 'unexpected end of input'],
  ['{"a":1:2}', 6, 'unexpected colon'],
  ['{"a":"x', 7, 'unexpected end of input'],
  ['{"a":', 5, 'unexpected end of input'],
  ['{"a":1', 6, 'unexpected end of input'],
  ['{"a":"x\ry"}', 7, 'a string cannot contain a line break; write it as \\n'],
  ['{"a":"x\ny"}', 7, 'a string cannot contain a line break; write it as \\n'],
  ['{"a":"C:\\dir"}', 8, 'a single backslash is not allowed here; write \\\\ for a backslash'],
  ['{"a":"\t"}', 6, 'a string cannot contain control characters; write a tab as \\t'],
  ['{"a":1}}', 7, 'unexpected text after the end of the JSON value'],
  ['{"a":"say "true""}', 10, 'escape a quotation mark inside a string with a backslash'],
  ['{"a":"x" y}', 8, 'a comma is missing'],
  ['{"m":440-7840}', 5, 'this is neither a number nor true, false or null; put text in double quotes'],
  ['{"m":0.5-3}', 5, 'this is neither a number nor true, false or null; put text in double quotes'],
  ['{"m":0x1F}', 5, 'this is neither a number nor true, false or null; put text in double quotes'],
  ['{"a":}', 5, 'expected a value'],
  ['{"a":1,,"b":2}', 7, 'expected a field name in double quotes'],
  ['{"a":[1}', 7, 'expected a closing bracket'],
  ['{"a":1]', 6, 'expected a closing brace'],
  ['{"a":1 /* one */}', 7, 'JSON does not allow comments; remove this one'],
  ['email=john.doe%40test.com', 0, 'a JSON object starts with a brace'],
])('locates the mistake in %s and explains how to fix it', (text, offset, hint) => {
  expect(locateJsonError(text)).toEqual({ offset, hint });
});

test('finds an error in every text that is not JSON, and in no JSON', () => {
  const almostJson = fc
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
    fc.property(fc.oneof(almostJson, fc.string(), fc.json()), (text) => {
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      if (isJson) {
        expect(() => locateJsonError(text)).toThrow('The text is valid JSON.');
        return;
      }
      const { offset } = locateJsonError(text);
      expect(offset).toBeGreaterThanOrEqual(0);
      expect(offset).toBeLessThanOrEqual(text.length);
    }),
    { numRuns: 3_000 },
  );
});

test('rejects a body with the deepest possible nesting', async () => {
  const server = await startServer();
  const deep = '['.repeat(120_000);
  for (const [text, end] of [
    [deep, 120_001],
    [deep + ']'.repeat(10_000), 130_001],
  ] as const) {
    const { status, json } = await send(server, 'addLead', { text });
    expect(status).toBe(400);
    expect(json).toEqual({
      body: { 0: `Body is not valid JSON at line 1, column ${end}: unexpected end of input.` },
    });
  }
});
