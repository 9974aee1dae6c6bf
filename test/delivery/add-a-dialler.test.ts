/** The example of CONTRIBUTING.md compiles where it says, and delivers and withdraws leads. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';
import type { CreateDialler } from '../../src/delivery/dialler.ts';
import { phoneParsers } from '../../src/leads/phone.ts';
import { dispatch, limits, untilAll } from '../harness/dispatch.ts';
import { startReceiver } from '../harness/receiver.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { openStore, seeded } from '../store/stores.ts';
import { claimedWithdrawal } from './claimed-lead.ts';

const root = new URL('../../', import.meta.url);
const path = (file: string) => fileURLToPath(new URL(file, root));
const read = (file: string) => readFileSync(path(file), 'utf8');

const [, recipe = ''] = /### Add a dialler\n([\s\S]*?)\n### /.exec(read('CONTRIBUTING.md')) ?? [];
const [source = '', entry = ''] = [...recipe.matchAll(/```ts\n([\s\S]*?)\n +```/g)].map(([, code = '']) =>
  code.replace(/^ {3}/gm, ''),
);

test('the example and its entry compile', { timeout: 120_000 }, () => {
  const files = new Map([
    [path('src/delivery/diallers/acme.ts'), source],
    [
      path('src/delivery/diallers.ts'),
      read('src/delivery/diallers.ts').replace('  log: {', `${entry}\n  log: {`),
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
});

/** Loads the example from a file outside the source. */
async function loadExample(): Promise<CreateDialler> {
  const file = join(temporaryDirectory(), 'acme.ts');
  const directory = new URL('src/delivery/diallers/', root);
  writeFileSync(
    file,
    source.replace(/from '(\.[^']*)'/g, (_, specifier) => `from '${new URL(specifier, directory)}'`),
  );
  const { createAcme } = await import(pathToFileURL(file).href);
  return createAcme;
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
  const create = await loadExample();
  const dialler = create({ DIALLER_URL: url }, { parsePhone: phoneParsers('GB').parse, ...limits });
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
