/** Commands on a disk that is full, or in a directory of another user, name it and the remedy. */
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { post } from '../../harness/client.ts';
import { requestValue } from '../../harness/contract.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { finished, type Start, skipWithout, start } from '../../harness/process.ts';
import { temporaryDirectory } from '../../harness/server.ts';
import { missingFor, startOnSmallDisk } from '../../proof/disk.ts';
import { closeAfterTest, seeded } from '../stores.ts';

const person = requestValue('addLead', 'accepted');

/** Nearly the maximum size of `data`, so that the store grows quickly. */
const data = JSON.stringify({ ballast: 'x'.repeat(60_000) });

/** Creates a store with a submission, which stays open in this process. */
async function openedStore(): Promise<string> {
  const file = join(temporaryDirectory(), 'leads.db');
  const { store, first, from } = await seeded(closeAfterTest(openSqliteStore(file)));
  await store.submit(from(first.id, { receivedAt: 1 }));
  return file;
}

const leads = (file: string, words: string[], how: Start) =>
  finished(start('src/cli.ts', words, { DATABASE_URL: `sqlite:${file}` }, undefined, how));

test('a backup to a full disk names the directory, and leaves nothing behind', async (context) => {
  const mount = ['unshare', '--map-root-user', '--mount', 'sh', '-c'];
  skipWithout(context, [...mount, 'mount -t tmpfs tmpfs /mnt']);
  const directory = temporaryDirectory();
  const script = `mount -t tmpfs -o size=64k tmpfs ${directory} && "$@"; code=$?; ls ${directory}; exit $code`;
  const words = ['store', 'backup', join(directory, 'copy.db')];
  expect(await leads(await openedStore(), words, { under: [...mount, script, 'sh'] })).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      new RegExp(
        `^The command failed: The disk that holds the directory ${directory} is full, or a limit on file sizes is reached, so no backup was made\\. Free space on it, or choose another directory\\. \\(.+\\)\\.?\\n$`,
      ),
    ),
  });
});

test.skipIf(process.getuid?.() !== 0)('a backup to a directory of another user names both', async () => {
  const file = await openedStore();
  const nobody = 65_534;
  for (const path of [dirname(file), file, `${file}-wal`, `${file}-shm`]) chownSync(path, nobody, nobody);
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'below'));
  for (const copy of ['copy.db', 'below/copy.db']) {
    const { stderr } = await leads(file, ['store', 'backup', join(directory, copy)], {
      uid: nobody,
      gid: nobody,
    });
    expect(stderr).toMatch(
      /^The command failed: The user nobody may not write to the directory \S+, so no backup was made\. Choose a directory of that user\. \(EACCES/,
    );
    expect(stderr).toContain(dirname(join(directory, copy)));
  }
});

test('`leads prune` on a full disk names the file', async (context) => {
  const reason = missingFor('full');
  if (reason !== undefined) context.skip(reason);
  const directory = temporaryDirectory();
  const { child, target, makeRoom } = await startOnSmallDisk(onTestFinished, directory);
  const file = join(directory, 'leads.db');
  const disk = `/proc/${child.pid}/root${directory}`;
  makeRoom();
  for (let index = 0; index < 4; index += 1) {
    expect((await post(target, 'addLead', { ...person, mobile: mobileOf(index), data })).status).toBe(200);
  }
  // The log is emptied, so that every write needs space.
  const inDisk = { under: ['nsenter', '--user', '--mount', '--target', String(child.pid)] };
  expect(await leads(file, ['prune', '--older-than', '1d', '--yes'], inDisk)).toMatchObject({ code: 0 });
  expect(() => writeFileSync(`${disk}/filler`, Buffer.alloc(3_000_000))).toThrow('ENOSPC');
  const { code, stderr } = await leads(file, ['prune', '--older-than', '1s', '--yes'], inDisk);
  expect(stderr).toMatch(
    new RegExp(
      `^The command failed: The disk that holds ${file} is full, or a limit .* Free space on it\\. \\(`,
    ),
  );
  expect(code).toBe(1);
});
