import fc from 'fast-check';
import type { OperationId } from '../../src/contract/reply.ts';
import { operationIds, operationOf, requestExamples } from '../harness/contract.ts';

/** The bytes of a request, and the operation whose responses are expected. */
export interface FuzzedRequest {
  id: OperationId;
  /** Kind of request, for the report. */
  kind: string;
  bytes: Buffer;
  /** Whether it contains a second request, and a server must refuse both and close the connection. */
  isSmuggling: boolean;
}

type Body = Record<string, unknown>;

/** Text that breaks programs which expect harmless text. */
const oddText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 120 }),
  fc.constantFrom(
    '\u0000',
    '\ud800',
    '\udfff\ud800',
    'a\u0000b',
    '\u202e\u2066',
    '💥'.repeat(40),
    'e\u0301'.repeat(60),
    ' \t\r\n',
    '__proto__',
    'constructor',
    '{"$ref":"#"}',
    "'; DROP TABLE lead; --",
    '$'.concat('{jndi:ldap://leads.example/a}'),
    '../../etc/passwd',
    '%00%0d%0a',
    'Infinity',
    '-0',
    '9'.repeat(400),
  ),
);

const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  oddText,
  fc.constantFrom(null, true, false, 0, -1, 1.5, 1e308, Number.MAX_SAFE_INTEGER, [], {}, [[]], [null], {
    a: { b: [] },
  }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ minLength: 90, maxLength: 300 }),
);

const mobile = fc
  .integer({ min: 0, max: 9_999_999 })
  .map((number) => `0784${String(number).padStart(7, '0')}`);

/** Rows, of which some are invalid. */
function rows(): fc.Arbitrary<unknown[]> {
  const lead = fc.oneof(validBody('addLead'), nearlyValidBody('addLead'));
  const ref = fc.oneof(fc.constantFrom('a', 'b', 'c'), oddValue);
  const row = fc.record({ lead, ref }).map((made) => ({ ref: made.ref, ...made.lead }));
  return fc.array(fc.oneof({ weight: 4, arbitrary: row }, oddValue), { minLength: 1, maxLength: 6 });
}

/** Valid bodies, based on the contract's request examples. */
function validBody(id: OperationId): fc.Arbitrary<Body> {
  if (id === 'addLeads') return rows().map((leads) => ({ leads }));
  // The cast: the lint checks request examples against their schemas, which are objects.
  const examples = Object.values(requestExamples(id)).map(({ value }) => value as Body);
  return fc
    .record({
      example: fc.constantFrom(...examples),
      mobile,
      name: fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }),
    })
    .map(({ example, mobile: number, name }) => ({
      ...example,
      mobile: number,
      ...('surname' in example ? { surname: `N${name}` } : {}),
    }));
}

/** Bodies with one or two invalid or missing fields, or with an unknown field. */
function nearlyValidBody(id: OperationId): fc.Arbitrary<Body> {
  const { oneOf, ...schema } = Object(operationOf(id).requestBody.content['application/json']?.schema);
  // The cast: a body in openapi.yaml is an object with properties, or has several such alternatives.
  const alternatives = (oneOf ?? [schema]) as { properties: object }[];
  const fields = alternatives.flatMap(({ properties }) => Object.keys(properties));
  const field = fc.oneof(
    fc.constantFrom(...fields),
    oddText,
    fc.constantFrom('__proto__', 'toString', 'Mobile'),
  );
  const change = fc.record({ field, value: oddValue, isRemoved: fc.boolean() });
  return fc
    .record({ body: validBody(id), changes: fc.array(change, { minLength: 1, maxLength: 2 }) })
    .map(({ body, changes }) => {
      const changed = Object.fromEntries(Object.entries(body));
      for (const { field: name, value, isRemoved } of changes) {
        if (isRemoved) delete changed[name];
        else
          Object.defineProperty(changed, name, {
            value,
            enumerable: true,
            configurable: true,
            writable: true,
          });
      }
      return changed;
    });
}

const nested = fc
  .record({ depth: fc.integer({ min: 1, max: 60_000 }), isArray: fc.boolean() })
  .map(({ depth, isArray }) =>
    isArray ? '['.repeat(depth) + ']'.repeat(depth) : `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
  );

/** Bodies that are not JSON, or that JSON parsers treat differently. */
function hostileBody(id: OperationId): fc.Arbitrary<Buffer> {
  const valid = validBody(id).map((body) => JSON.stringify(body));
  return fc.oneof(
    fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
    nested.map((text) => Buffer.from(text)),
    fc.tuple(valid, nested).map(([text, deep]) => Buffer.from(`${text.slice(0, -1)},"data":${deep}}`)),
    fc.tuple(valid, fc.nat()).map(([text, at]) => Buffer.from(text.slice(0, at % text.length))),
    fc.tuple(valid, fc.nat(), fc.nat(255)).map(([text, at, byte]) => {
      const bytes = Buffer.from(text);
      bytes[at % bytes.length] = byte;
      return bytes;
    }),
    valid.map((text) =>
      Buffer.from(`${text.slice(0, -1)},"mobile":"07840258823","mobile":1e400,"type":"motor-trade"}`),
    ),
    valid.map((text) =>
      Buffer.from(`${text.slice(0, -1)},"__proto__":{"test":true},"constructor":{"prototype":1}}`),
    ),
    valid.map((text) => Buffer.from(`\ufeff${text}`)),
    valid.map((text) => Buffer.from(text, 'utf16le')),
    fc
      .integer({ min: 130_000, max: 140_000 })
      .map((size) => Buffer.from(`{"first_name":"${'x'.repeat(size)}"}`)),
    fc
      .constantFrom(
        '',
        ' ',
        'null',
        '[]',
        '""',
        '1e999',
        '{"a":\u0000}',
        '{"mobile":"\\ud800","type":"\\u0000"}',
      )
      .map((text) => Buffer.from(text)),
  );
}

/** Text without line breaks, so that it stays one header. */
const headerText = fc.string({ unit: 'binary', maxLength: 80 }).map((text) => text.replace(/[\r\n\0]/g, ''));

const oddHeaders = fc.array(
  fc.oneof(
    headerText.map((value) => `Idempotency-Key: ${value}`),
    headerText.map((value) => `Authorization: Bearer ${value}`),
    headerText.map((value) => `X-Forwarded-For: ${value}`),
    headerText.map((value) => `traceparent: ${value}`),
    fc.constantFrom(
      'Content-Encoding: gzip',
      'Accept: application/xml',
      'Expect: 100-continue',
      'Expect: the-unexpected',
      'X-HTTP-Method-Override: DELETE',
      'Cookie: a=b; __proto__=c',
      'Range: bytes=0-1',
      'If-Match: "a"',
      'Upgrade: websocket',
      `X-Long: ${'x'.repeat(15_000)}`,
    ),
  ),
  { maxLength: 3 },
);

const contentType = fc.constantFrom(
  'application/json',
  'application/json; charset=utf-8',
  'APPLICATION/JSON',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  '',
  'application/json, text/plain',
);

const oddTarget = (path: string, key: string) =>
  fc.oneof(
    fc.constantFrom(
      `${path}?key=${key}&key=${key}`,
      `${path}?key=${key}&key=other`,
      `${path}?key=${key}&test=true&__proto__=1`,
      `${path}?key[]=${key}`,
      `${path}?key=%00%ff%fe`,
      `${path}?key=${'k'.repeat(10_000)}`,
      `${path}/?key=${key}`,
      `//${path}?key=${key}`,
      `${path}%2f..%2f..?key=${key}`,
      `${path}%00?key=${key}`,
      '/',
      '/%',
      '/%zz',
      '/\u00e4',
      '*',
      'http://leads.example/lead/add',
      `/${'a'.repeat(8_000)}`,
    ),
    fc.webPath().map((written) => (written.startsWith('/') ? written : `/${written}`)),
  );

/** Headers that make HTTP parsers disagree about where a request ends. */
const smuggling = [
  'Content-Length: 5\r\nContent-Length: 6',
  'Content-Length: +5',
  'Content-Length: 0x5',
  'Content-Length: 5, 5',
  'Content-Length: -1',
  'Content-Length: 99999999999999999999',
  'Transfer-Encoding: chunked\r\nContent-Length: 5',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding:\tchunked\r\nTransfer-Encoding: identity',
  ' Transfer-Encoding: chunked',
  'Folded: a\r\n b',
  'Nul: a\0b',
  'Bare\rReturn: a',
  ': empty',
  'Bad Name: a',
];

const oddMethod = fc.constantFrom(
  'GET',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'TRACE',
  'POST',
  'post',
  'P\u00d6ST',
  '',
);

/** Generates requests of every kind, with weights. */
export function fuzzedRequest(key: string): fc.Arbitrary<FuzzedRequest> {
  return fc.constantFrom(...operationIds()).chain((id) => {
    const { path } = operationOf(id);
    const target = `${path}?key=${key}`;
    const withBody = (kind: string, body: fc.Arbitrary<Buffer>) =>
      body.map((bytes) => requestOf(id, kind, 'POST', target, ['Content-Type: application/json'], bytes));
    const json = (body: fc.Arbitrary<Body>) => body.map((value) => Buffer.from(JSON.stringify(value)));
    const valid = json(validBody(id));
    const oddUrlAndHeaders = fc
      .record({
        target: fc.oneof(fc.constant(target), oddTarget(path, key)),
        headers: oddHeaders,
        type: contentType,
        body: valid,
      })
      .map(({ target, headers, type, body }) =>
        requestOf(id, 'odd URL and headers', 'POST', target, [`Content-Type: ${type}`, ...headers], body),
      );
    const withOddMethod = fc
      .record({ method: oddMethod, body: valid })
      .map(({ method, body }) =>
        requestOf(id, 'odd method', method, target, ['Content-Type: application/json'], body),
      );
    return fc.oneof(
      { weight: 3, arbitrary: withBody('valid', valid) },
      { weight: 3, arbitrary: withBody('nearly valid', json(nearlyValidBody(id))) },
      { weight: 3, arbitrary: withBody('hostile body', hostileBody(id)) },
      { weight: 2, arbitrary: oddUrlAndHeaders },
      { weight: 1, arbitrary: withOddMethod },
      { weight: 1, arbitrary: smuggledRequest(id, target, valid) },
    );
  });
}

/** Generates requests that contain a second one. A server must execute neither. */
function smuggledRequest(
  id: OperationId,
  target: string,
  validBody: fc.Arbitrary<Buffer>,
): fc.Arbitrary<FuzzedRequest> {
  return fc.record({ header: fc.constantFrom(...smuggling), body: validBody }).map(({ header, body }) => ({
    id,
    kind: 'smuggled headers',
    bytes: Buffer.concat([
      Buffer.from(
        `POST ${target} HTTP/1.1\r\nHost: leads.example\r\nContent-Type: application/json\r\n${header}\r\n\r\n`,
        'latin1',
      ),
      body,
      Buffer.from(`\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: leads.example\r\n\r\n`),
    ]),
    isSmuggling: true,
  }));
}

function requestOf(
  id: OperationId,
  kind: string,
  method: string,
  target: string,
  headers: readonly string[],
  body: Buffer,
): FuzzedRequest {
  const head = [
    `${method} ${target} HTTP/1.1`,
    'Host: leads.example',
    ...headers,
    `Content-Length: ${body.length}`,
  ];
  const bytes = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
  return { id, kind, bytes, isSmuggling: false };
}
