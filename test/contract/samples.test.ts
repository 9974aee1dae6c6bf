/** A partner pastes a sample and expects it to work: each is run as it stands in openapi.yaml. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { OperationId } from '../../src/contract/reply.ts';
import type { LeadState } from '../../src/leads/lead.ts';
import { post } from '../harness/client.ts';
import { operationIds, operationOf, requestValue, responseValue } from '../harness/contract.ts';
import { skipWithout } from '../harness/process.ts';
import { leadsIn, startServer, submissionsIn } from '../harness/server.ts';

interface Interpreter {
  /** A command that succeeds where a sample can be run. */
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

function interpreterOf(language: string): Interpreter {
  const interpreter = interpreters[language];
  if (interpreter === undefined) throw new Error(`No interpreter is known for ${language}.`);
  return interpreter;
}

async function output(
  source: string,
  language: string,
  environment: Record<string, string>,
): Promise<string> {
  const [program = '', ...words] = interpreterOf(language).run(source);
  const env = { PATH: process.env['PATH'] ?? '', ...environment };
  const { stdout } = await promisify(execFile)(program, words, { env });
  // curl prints the body alone.
  return stdout.trim().replace(/^200 /, '');
}

/** What a sample prints, and how its lead stands afterwards. */
const promised: Record<OperationId, { answer: object; state: LeadState }> = {
  addLead: { answer: Object(responseValue('addLead', 200, 'accepted')), state: 'scheduled' },
  cancelLead: { answer: Object(responseValue('cancelLead', 200, 'cancelled')), state: 'cancelled' },
  leadStatus: { answer: { found: true, state: 'scheduled' }, state: 'scheduled' },
};

for (const id of operationIds()) {
  const samples = operationOf(id)['x-codeSamples'];

  test(`${id} has a sample in each language`, () => {
    expect(samples.map(({ lang }) => lang)).toEqual(Object.keys(interpreters));
  });

  for (const { lang, source } of samples) {
    test(`the ${lang} sample of ${id} does what it says`, async (context) => {
      skipWithout(context, interpreterOf(lang).probe);
      const server = await startServer();
      if (id !== 'addLead') await post(server, 'addLead', requestValue('addLead', 'delayed'));
      const printed = await output(source, lang, { LEADS_URL: server.url, LEADS_KEY: server.key });
      const { answer, state } = promised[id];
      expect(JSON.parse(printed)).toMatchObject(answer);
      expect((await leadsIn(server.store))[0]?.state).toBe(state);
      if (id !== 'addLead') return;
      const [submission] = await submissionsIn(server.store);
      expect(JSON.parse(JSON.parse(submission?.content ?? '').data)).toEqual({ vehicle_make: 'Ford' });
    });
  }
}
