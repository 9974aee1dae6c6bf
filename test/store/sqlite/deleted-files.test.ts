/** Files that are deleted while a server uses them can be copied until it stops (docs/operating/sqlite.md). */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { post } from '../../harness/client.ts';
import { requestValue } from '../../harness/contract.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { startObservedServer } from '../../harness/observed-server.ts';
import { finished } from '../../harness/process.ts';
import { leadsIn, temporaryDirectory } from '../../harness/server.ts';

const person = requestValue('addLead', 'accepted');
const all = ['leads.db', 'leads.db-wal', 'leads.db-shm'];

/** Returns the commands of a step in the guide. @param first a part of the first command */
function documentedCommands(first: string): string {
  const guide = readFileSync(new URL('../../../docs/operating/sqlite.md', import.meta.url), 'utf8');
  const blocks = [...guide.matchAll(/^ *```\n([\s\S]*?)^ *```/gm)].map(([, commands = '']) => commands);
  const found = blocks.find((commands) => commands.includes(first));
  if (found === undefined) throw new Error(`The guide has no commands with ${first}.`);
  return found;
}

/** Runs commands as an operator types them; one that fails does not end the others. */
function runIn(directory: string, commands: string): void {
  execFileSync('sh', ['-c', `${commands}\ntrue`], { cwd: directory, stdio: 'pipe' });
}

test
  .skipIf(process.platform !== 'linux')
  .each([[['leads.db']], [['leads.db-wal']], [['leads.db-shm']], [['leads.db', 'leads.db-wal']], [all]])(
  'the reported commands save every acknowledged lead after %j were deleted',
  async (deleted) => {
    const file = join(temporaryDirectory(), 'store', 'leads.db');
    const directory = dirname(file);
    const { child, target, output } = await startObservedServer({ DATABASE_URL: `sqlite:${file}` });
    const add = async (index: number) =>
      (await post(target, 'addLead', { ...person, mobile: mobileOf(index) })).status;
    for (const index of [0, 1, 2]) expect(await add(index)).toBe(200);
    for (const name of deleted) rmSync(join(directory, name));
    expect(await add(3)).toBe(503);
    await expect.poll(output).toMatch(/Do not stop this process yet: /);
    const commands = [...output().matchAll(/`(cp \/proc\/\S+ \S+)`/g)]
      .slice(0, 2)
      .map(([, command]) => command);
    expect(commands).toEqual([
      expect.stringMatching(new RegExp(`^cp /proc/${child.pid}/fd/\\d+ ${file}\\.saved$`)),
      expect.stringMatching(new RegExp(`^cp /proc/${child.pid}/fd/\\d+ ${file}\\.saved-wal$`)),
    ]);
    runIn(directory, commands.join('\n'));

    const ended = finished(child);
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
    runIn(directory, documentedCommands('mv leads.db.saved leads.db'));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(existsSync(`${file}.saved-wal`)).toBe(false);
    const store = openSqliteStore(file);
    // The request that got 503 may have been saved.
    const mobiles = (await leadsIn(store)).map(({ mobile }) => mobile);
    expect(mobiles).toEqual(expect.arrayContaining([0, 1, 2].map(mobileOf)));
    await store.close();
  },
);
