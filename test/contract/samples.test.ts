/** The code samples of the partners' page, run exactly as partners paste them. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { codeSamples } from '../../docs/page/code-samples.ts';
import { post } from '../harness/client.ts';
import {
  operationIds,
  operationOf,
  requestExamples,
  requestValue,
  responseValue,
} from '../harness/contract.ts';
import { skipWithout } from '../harness/process.ts';
import { startReceiver } from '../harness/receiver.ts';
import { leadsIn, startServer } from '../harness/server.ts';

interface Interpreter {
  /** Command that succeeds if samples can be run. */
  probe: string[];
  run: (source: string) => string[];
}

const interpreters: Record<string, Interpreter> = {
  curl: { probe: ['curl', '--version'], run: (source) => ['sh', '-c', source] },
  JavaScript: {
    probe: [process.execPath, '--version'],
    run: (source) => [process.execPath, '--input-type=module', '-e', source],
  },
  Python: { probe: ['python3', '--version'], run: (source) => ['python3', '-c', source] },
  PHP: {
    probe: ['php', '-r', 'exit(function_exists("curl_init") ? 0 : 1);'],
    run: (source) => ['php', '-r', source.replace('<?php', '')],
  },
};
const languages = Object.keys(interpreters);

function interpreterOf(language: string): Interpreter {
  const interpreter = interpreters[language];
  if (interpreter === undefined) throw new Error(`There is no interpreter for ${language}.`);
  return interpreter;
}

function sampleIn(language: string, path: string, body: unknown): string {
  const sample = codeSamples(path, body).find(({ lang }) => lang === language);
  if (sample === undefined) throw new Error(`There is no sample in ${language}.`);
  return sample.source;
}

/** Runs a sample and returns the body of the response that it prints. */
async function outputOf(source: string, language: string, url: string, key: string): Promise<string> {
  const [program = '', ...words] = interpreterOf(language).run(source);
  const env = { PATH: process.env['PATH'] ?? '', LEADS_URL: url, LEADS_KEY: key };
  const { stdout } = await promisify(execFile)(program, words, { env });
  // curl prints only the body.
  return stdout.trim().replace(/^200 /, '');
}

/** Returns the body of a response without its times and ids, which depend on when the sample is run. */
function withoutTimesAndIds(body: unknown): unknown {
  const varies = (value: unknown) =>
    typeof value === 'string' && /^(?:\d{4}-\d\d-\d\dT|[0-9a-v]{20}$)/.test(value);
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

for (const language of languages) {
  for (const id of operationIds()) {
    test(`the ${language} sample of ${id} prints the documented response`, async (context) => {
      skipWithout(context, interpreterOf(language).probe);
      const server = await startServer();
      if (id !== 'addLead') await post(server, 'addLead', requestValue('addLead', 'delayed'));
      const [example = ''] = Object.keys(requestExamples(id));
      const source = sampleIn(language, operationOf(id).path, requestValue(id, example));
      const printed: unknown = JSON.parse(await outputOf(source, language, server.url, server.key));
      expect(withoutTimesAndIds(printed)).toEqual(withoutTimesAndIds(responseValue(id, 200, example)));
      expect((await leadsIn(server.store))[0]?.state).toBe(id === 'cancelLead' ? 'cancelled' : 'scheduled');
    });
  }

  test(`a ${language} sample sends every kind of value unchanged`, async (context) => {
    skipWithout(context, interpreterOf(language).probe);
    const receiver = await startReceiver();
    await outputOf(sampleIn(language, '/lead', difficultBody), language, receiver.url, 'the-key');
    expect(receiver.received.map(({ body }) => JSON.parse(body))).toEqual([difficultBody]);
    expect(receiver.received[0]?.headers).toMatchObject({
      authorization: 'Bearer the-key',
      'content-type': 'application/json',
    });
  });
}
