/** The code samples of the partners' page, run exactly as partners paste them. */
import { createServer, type IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { codeSamples, retrySamples } from '../../docs/page/code-samples.ts';
import { sampleName } from '../../docs/page/contract.ts';
import type { OperationId } from '../../src/contract/reply.ts';
import type { LeadState } from '../../src/leads/lead.ts';
import { post } from '../harness/client.ts';
import {
  operationIds,
  operationOf,
  requestExamples,
  requestValue,
  responseValue,
} from '../harness/contract.ts';
import { addLeadWithResult } from '../harness/lead-with-result.ts';
import { skipWithout } from '../harness/process.ts';
import { listening, startReceiver } from '../harness/receiver.ts';
import { interpreterOf, languages, outputOf, withValues } from '../harness/samples.ts';
import { leadsIn, startServer } from '../harness/server.ts';

function sampleIn(language: string, path: string, body: unknown): string {
  const sample = codeSamples(path, body).find(({ lang }) => lang === language);
  if (sample === undefined) throw new Error(`There is no sample in ${language}.`);
  return sample.source;
}

/** Returns the body of a response without its times and ids, which depend on when the sample is run. */
function withoutTimesAndIds(body: unknown): unknown {
  const varies = (value: unknown) =>
    typeof value === 'string' &&
    /^(?:\d{4}-\d\d-\d\d(?:T|$)|[0-9a-v]{20}$|evt_|\d+-[0-9a-f]{8}$)/.test(value);
  return JSON.parse(JSON.stringify(body), (_name, value) => (varies(value) ? 'varies' : value));
}

test('there is a sample in each language', () => {
  expect(codeSamples('/lead/add', {}).map(({ lang }) => lang)).toEqual(languages);
});

/** A body with everything that a language has to escape or write differently. */
const difficultBody = {
  text: `it's "quoted" \\ $HOME \${x} \n\t <?php é 😀`,
  'not-an-identifier': [1.5, -2, [], ['nested'], true, false, null],
  object: {
    empty_string: '',
    short: { member: 'value' },
    long: { member: 'long enough for a line of its own, surely' },
  },
};

/** Returns the state of a scheduled lead after an operation. */
function stateAfter(id: OperationId): LeadState {
  if (id === 'doNotCall') return 'suppressed';
  if (id === 'leadEvents') return 'dialled';
  return id === 'cancelLead' ? 'cancelled' : 'scheduled';
}

for (const language of languages) {
  for (const id of operationIds()) {
    test(`the ${language} sample of ${id} prints the documented response`, async (context) => {
      skipWithout(context, interpreterOf(language).probe);
      const server = await startServer();
      if (id === 'leadEvents') await addLeadWithResult(server);
      else if (id !== 'addLead' && id !== 'addLeads')
        await post(server, 'addLead', requestValue('addLead', 'delayed'));
      const example = sampleName(requestExamples(id));
      const source = sampleIn(language, operationOf(id).path, requestValue(id, example));
      const printed: unknown = JSON.parse(
        await outputOf(withValues(source, server.url, server.key), language),
      );
      expect(withoutTimesAndIds(printed)).toEqual(withoutTimesAndIds(responseValue(id, 200, example)));
      expect((await leadsIn(server.store))[0]?.state).toBe(stateAfter(id));
    });
  }

  test(`a ${language} sample sends every kind of value unchanged`, async (context) => {
    skipWithout(context, interpreterOf(language).probe);
    const receiver = await startReceiver();
    const source = sampleIn(language, '/lead', difficultBody);
    await outputOf(withValues(source, receiver.url, 'the-key'), language);
    expect(receiver.received.map(({ body }) => JSON.parse(body))).toEqual([difficultBody]);
    expect(receiver.received[0]?.headers).toMatchObject({
      authorization: 'Bearer the-key',
      'content-type': 'application/json',
    });
  });

  test(`the retry sample in ${language} sends the same idempotency key again after 503`, async (context) => {
    skipWithout(context, interpreterOf(language).probe);
    const received: IncomingMessage[] = [];
    const server = createServer((request, response) => {
      request.resume();
      received.push(request);
      if (received.length === 1) response.writeHead(503, { 'Retry-After': '1' }).end();
      else response.writeHead(200).end('{"saved":true}');
    });
    const port = await listening(server);
    const sample = retrySamples('/lead/add', { mobile: '07840258823' }).find(({ lang }) => lang === language);
    const source = withValues(sample?.source ?? '', `http://127.0.0.1:${port}`, 'the-key');
    expect(await outputOf(source, language)).toBe('{"saved":true}');
    const keys = received.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toMatch(/^[0-9a-f-]{32,36}$/);
    expect(new Set(keys).size).toBe(1);
  });

  test(`the retry sample in ${language} does not wait until the next day`, async (context) => {
    skipWithout(context, interpreterOf(language).probe);
    let requests = 0;
    const server = createServer((request, response) => {
      request.resume();
      requests += 1;
      response.writeHead(429, { 'Retry-After': '36000' }).end('{"error":"Too many"}');
    });
    const port = await listening(server);
    const sample = retrySamples('/lead/add', { mobile: '07840258823' }).find(({ lang }) => lang === language);
    const source = withValues(sample?.source ?? '', `http://127.0.0.1:${port}`, 'the-key');
    expect(await outputOf(source, language)).toContain('{"error":"Too many"}');
    expect(requests).toBe(1);
  });
}
