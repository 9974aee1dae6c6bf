/** The examples of CONTRIBUTING.md compile in their places. The dialler delivers and withdraws leads; the rule delays some. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';
import type { CreateDialler } from '../../src/delivery/dialler.ts';
import type { Permission } from '../../src/delivery/permission.ts';
import { phoneParsers } from '../../src/leads/phone.ts';
import { dispatch, limits, untilAll } from '../harness/dispatch.ts';
import { startReceiver } from '../harness/receiver.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { openStore, seeded } from '../store/stores.ts';
import { claimedLead, claimedWithdrawal } from './claimed-lead.ts';

const root = new URL('../../', import.meta.url);
const path = (file: string) => fileURLToPath(new URL(file, root));
const read = (file: string) => readFileSync(path(file), 'utf8');

/** Returns the code of a recipe. */
function codeOf(heading: string): string[] {
  const [, section = ''] = read('CONTRIBUTING.md').split(`### ${heading}\n`);
  const [recipe = ''] = section.split('\n### ');
  return [...recipe.matchAll(/```ts\n([\s\S]*?)\n +```/g)].map(([, code = '']) =>
    code.replace(/^ {3}/gm, ''),
  );
}

const [source = '', entry = ''] = codeOf('Add a dialler');
const [rule = ''] = codeOf('Add a delivery rule');

test('the examples and their entries compile', { timeout: 120_000 }, () => {
  const files = new Map([
    [path('src/delivery/diallers/acme.ts'), source],
    [
      path('src/delivery/diallers.ts'),
      read('src/delivery/diallers.ts').replace('  log: {', `${entry}\n  log: {`),
    ],
    [path('src/delivery/area-rule.ts'), rule],
    [
      path('src/leads/wait-cause.ts'),
      read('src/leads/wait-cause.ts').replace("'call-limit'", "'call-limit', 'area'"),
    ],
  ]);
  const { config } = ts.readConfigFile(path('tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, path('.'));
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => files.has(file) || fileExists(file);
  host.readFile = (file) => files.get(file) ?? readFile(file);
  host.getSourceFile = (file, version) => {
    const text = files.get(file);
    return text === undefined ? getSourceFile(file, version) : ts.createSourceFile(file, text, version);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  const messages = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  expect(messages).toEqual([]);
  expect(program.getSourceFile(path('src/delivery/diallers/acme.ts'))?.text).toContain('createAcme');
  expect(program.getSourceFile(path('src/delivery/area-rule.ts'))?.text).toContain('AreaRule');
});

/** Loads an example from a file outside the source. @param folder the folder in which it belongs */
async function loadExample(code: string, folder: string) {
  const file = join(temporaryDirectory(), 'example.ts');
  const directory = new URL(folder, root);
  writeFileSync(
    file,
    code.replace(/from '(\.[^']*)'/g, (_, specifier) => `from '${new URL(specifier, directory)}'`),
  );
  return import(pathToFileURL(file).href);
}

/** Acme Calls: adds leads, and can fail after it has added one. */
function acmeCalls() {
  const calls: string[] = [];
  const requests: string[] = [];
  const state = { failures: 0, calls, requests };
  const receiver = startReceiver(({ body }, outgoing, incoming) => {
    const { id } = JSON.parse(body);
    requests.push(incoming.url ?? '');
    if (incoming.url === '/find') return void outgoing.end(calls.filter((each) => each === id).join(' '));
    if (incoming.url === '/cancel') return void outgoing.writeHead(calls.includes(id) ? 200 : 409).end();
    calls.push(id);
    state.failures -= 1;
    return void outgoing.writeHead(state.failures >= 0 ? 500 : 200).end();
  });
  return { state, receiver };
}

test('the example delivers a lead once, although a response was lost, and withdraws it', async () => {
  const { state, receiver } = acmeCalls();
  state.failures = 1;
  const { url } = await receiver;
  const { createAcme }: { createAcme: CreateDialler } = await loadExample(source, 'src/delivery/diallers/');
  const dialler = createAcme({ DIALLER_URL: url }, { parsePhone: phoneParsers('GB').parse, ...limits });
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id));
  dispatch(store, { ...dialler, maxRuntime: 50 });
  const [lead] = await untilAll(store, 'dialled');
  expect(state.calls).toEqual([lead?.id]);
  expect(lead?.lastResponse).toBe(`call ${lead?.id}, already there`);
  // The lead was looked for only after the unknown outcome, and once more later.
  expect(state.requests.slice(0, 2)).toEqual(['/add', '/find']);
  const signal = AbortSignal.timeout(20_000);
  expect(await dialler.cancel?.(claimedWithdrawal({ id: lead?.id ?? '' }), signal)).toEqual({
    outcome: 'withdrawn',
    response: 'HTTP 200',
  });
  expect(await dialler.cancel?.(claimedWithdrawal({ id: 'another' }), signal)).toEqual({
    outcome: 'too-late',
    response: 'HTTP 409',
  });
});

test('the example of a rule delays leads of an area until a time', async () => {
  const { AreaRule } = await loadExample(rule, 'src/delivery/');
  const leads = [claimedLead({ postcode: 'BT1 5GS' }), claimedLead({ postcode: 'B1 1BB' }), claimedLead()];
  const outcomes = async (now: number) =>
    (await new AreaRule('BT', 5_000).decide(leads, now)).map(({ outcome }: Permission) => outcome);
  expect(await outcomes(4_999)).toEqual(['wait', 'deliver', 'deliver']);
  expect(await outcomes(5_000)).toEqual(['deliver', 'deliver', 'deliver']);
});
