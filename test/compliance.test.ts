/** An operator runs the commands of docs/compliance.md in their order, while a server delivers, on both stores. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../src/store/open.ts';
import { executeCli } from './harness/cli.ts';
import { post, type Target } from './harness/client.ts';
import { requestValue } from './harness/contract.ts';
import { secret } from './harness/dispatch.ts';
import type { Finished } from './harness/process.ts';
import { start } from './harness/process.ts';
import { startReceiver } from './harness/receiver.ts';
import { temporaryDirectory } from './harness/server.ts';
import { untilListening } from './harness/server-process.ts';
import { sharedStores } from './store/stores.ts';

const page = readFileSync(new URL('../docs/compliance.md', import.meta.url), 'utf8');

/** The command lines of a section, and its heading. */
const sections = page.split(/^##+ /m).map((section) => ({
  heading: section.split('\n')[0] ?? '',
  commands: [...section.matchAll(/^```\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
    block.trimEnd().split('\n'),
  ),
}));

const number = '07840258823';

const consent = { consent_text: 'I agree to a call by Example Ltd.', consent_at: '2026-11-20T09:00:00Z' };

/** Files that the commands read. */
const files = {
  'holidays.txt': '2026-12-25 Christmas Day\n',
  'tps.csv': 'number\n07840258827\n',
  'ctps.csv': 'number\n07840258828\n',
  'dnc.csv': 'number\n+12125551234\n',
  'objections.csv': 'mobile\n07840258824\n',
  'genuine.csv': 'mobile,reason\n07840258826,asked\n',
};

const today = new Date().toISOString().slice(0, 10);

/** Commands that ask for confirmation, which scripts pass. */
const asking = /^leads (?:person erase|suppression remove|key revoke|prune (?!.*--dry-run))/;

test('the page has a section for each subject, with commands', () => {
  const withCommands = sections.filter(({ commands }) => commands.length > 0);
  expect(withCommands.map(({ heading }) => heading)).toEqual([
    'United Kingdom',
    'United States',
    'Germany and the European Union',
    'Other countries',
    'Consent',
    'Do not call',
    'Calling hours',
    'Records of calls and evidence',
    "A person's request",
    'Retention',
    'Audit',
    'Objections with a stolen key',
    'A call out of hours',
    'A call after an objection',
  ]);
});

test.each(sharedStores)(
  'every command of the page succeeds on $name',
  async ({ newUrl }) => {
    const operator = await deployment(await newUrl());
    for (const { heading, commands } of sections) {
      await operator.before(heading);
      for (const command of commands) {
        const { code, stderr } = await operator.run(command);
        expect({ command, code, stderr: code === 0 ? '' : stderr }).toEqual({ command, code: 0, stderr: '' });
      }
    }
  },
  120_000,
);

/** Starts a server, and returns how an operator runs commands on its store. */
async function deployment(url: string) {
  const directory = temporaryDirectory();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  const receiver = await startReceiver();
  const environment = {
    DATABASE_URL: url,
    STORE_KEY_FILE: join(directory, 'store.key'),
    ERASURE_LOG: join(directory, 'erasures'),
    DEFAULT_COUNTRY: 'GB',
  };
  writeFileSync(environment.STORE_KEY_FILE, randomBytes(32).toString('hex'), { mode: 0o600 });
  await (await openStore(url)).close();
  const server = start('src/main.ts', [], {
    ...environment,
    PORT: '0',
    BOOTSTRAP: 'off',
    DIALLER: 'webhook',
    DIALLER_URL: receiver.url,
    DIALLER_SECRET: secret,
    DIALLER_WITHDRAW: 'on',
  });
  const { target } = await untilListening(server, false);
  let keyId = '';
  const run = (command: string): Promise<Finished> => {
    const [line = ''] = command.split(' > ');
    const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    const used = words.map((word) =>
      word in files ? join(directory, word) : word.replace(/^KEY_ID$/, keyId).replace(/^TODAY$/, today),
    );
    return executeCli(
      [...used.slice(1), ...(asking.test(line) ? ['--yes'] : [])],
      environment,
      `${number}\n`,
    );
  };
  const createKey = async (): Promise<Target> => {
    const { id, key } = JSON.parse((await run('leads key create acme')).stdout);
    keyId = id;
    return { url: target.url, key };
  };
  /** What happens before the commands of a section. */
  const before = async (heading: string): Promise<void> => {
    if (heading === 'Consent') {
      await run('leads partner add acme --type motor-trade');
      const body = { ...requestValue('addLead', 'accepted'), ...consent, mobile: number };
      expect(await post(await createKey(), 'addLead', body)).toMatchObject({ status: 200 });
    } else if (heading === 'Objections with a stolen key') {
      const sent = await post(await createKey(), 'doNotCall', { mobile: '07840258825' });
      expect(sent).toMatchObject({ status: 200 });
    }
  };
  return { run, before };
}
