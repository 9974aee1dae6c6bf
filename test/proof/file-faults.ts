import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openRaw, rawRequest, sendRaw, type Target } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { mobileOf } from '../harness/mobile.ts';
import { type FileLoss, fileLosses } from '../store/sqlite/file-losses.ts';
import { killBackup } from '../store/sqlite/killed-backup.ts';
import { allowWrites, fill, isStored, missingFor, startOnDisk, startOnSmallDisk } from './disk.ts';
import { RawConnection } from './raw-connection.ts';
import { add, ballast, crash, type Fault, type Scene, untilReadiness } from './scene.ts';

/**
 * How a store recovers from a loss: why the next start refuses, what the operator does, and how many leads are left.
 */
interface Recovery {
  refusal?: RegExp;
  remedy?(scene: Scene): unknown;
  left?: number;
}

/** Number of leads acknowledged before the backup and before the loss. */
const people = { backedUp: 2, acknowledged: 4 };

const moveLogAway = ({ file }: Scene) => {
  for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
};
const repair = async (scene: Scene) =>
  assert.equal((await scene.run('src/cli.ts', ['store', 'repair'])).code, 0);
const withoutLog: Recovery = {
  refusal: /its log .* is missing.*do not stop it.*put the log back.*store repair/,
  remedy: repair,
};
const withOldLog: Recovery = {
  refusal: /is not the log of .*move .* to another directory, then start again/,
  remedy: moveLogAway,
  left: people.backedUp,
};

const recoveries: Record<string, Recovery> = {
  'the file is removed': { refusal: /leads\.db is missing, but its log .*restore a backup/ },
  'the log is removed': withoutLog,
  'the log’s index is removed': { left: people.acknowledged },
  'the log is truncated': {
    refusal: /has lost its beginning.*restore a backup.*store repair/,
    remedy: repair,
  },
  'the directory is moved away': {
    remedy: ({ file }) => renameSync(`${dirname(file)}-old`, dirname(file)),
    left: people.acknowledged,
  },
  'a backup is renamed to the file': withOldLog,
  'a backup is copied over the file': withOldLog,
};

/** Asserts that nothing is acknowledged after a loss, and that the next start reports the remedy. */
function faultOf({ name, cause }: FileLoss): Fault {
  const recovery = recoveries[name];
  if (recovery === undefined) throw new Error(`There is no recovery for: ${name}.`);
  return {
    name,
    run: async (scene) => {
      const { child, target } = await scene.start();
      for (let index = 0; index < people.backedUp; index += 1) assert.equal(await add(target, index), 200);
      const copy = join(scene.directory, 'copy.db');
      const { code, stderr } = await scene.run('src/cli.ts', ['store', 'backup', copy]);
      assert.equal(code, 0, stderr);
      for (let index = people.backedUp; index < people.acknowledged; index += 1)
        assert.equal(await add(target, index), 200);
      await cause(scene.file, async () => copy);
      for (let index = people.acknowledged; index < people.acknowledged + 3; index += 1)
        assert.equal(await add(target, index), 503, 'an add after the loss');
      await untilReadiness(target, 503);
      await crash(child);
      return `adds 503, /readyz 503; ${await startAfter(scene, recovery, target.key)}`;
    },
  };
}

async function startAfter(scene: Scene, { refusal, remedy, left }: Recovery, key: string): Promise<string> {
  if (refusal !== undefined) {
    const { code, stderr } = await scene.run('src/main.ts');
    assert.equal(code, 1, 'the exit code of a start');
    assert.match(stderr, refusal);
    if (remedy === undefined) return 'the next start refuses and reports the remedy';
  }
  await remedy?.(scene);
  const { target } = await scene.start({ BOOTSTRAP: 'off' }, key);
  const start =
    refusal === undefined
      ? 'the next start'
      : 'the next start refuses and reports the remedy; afterwards a start';
  // A file without its log contains what earlier checkpoints moved, which may be nothing.
  if (left === undefined) return `${start} works`;
  const stored = await storedOf(target, people.acknowledged);
  assert.deepEqual(
    stored,
    Array.from({ length: left }, (_, index) => mobileOf(index)),
  );
  return `${start} has ${left} of ${people.acknowledged} leads${left === people.acknowledged ? '' : ', those of the backup'}`;
}

async function storedOf(target: Target, count: number): Promise<string[]> {
  const mobiles = Array.from({ length: count }, (_, index) => mobileOf(index));
  const found = await Promise.all(mobiles.map((mobile) => isStored(target, mobile)));
  return mobiles.filter((_, index) => found[index]);
}

/** Returns the number of resets of the log (sqlite.org/fileformat2.html, section 4.1). */
function resetsOf(file: string): number {
  return readFileSync(`${file}-wal`).readUInt32BE(12);
}

/** Adds large leads until the store has run two checkpoints, for which it opens files. */
async function addLarge({ file }: Scene, adding: (index: number) => Promise<number>): Promise<string> {
  const before = resetsOf(file);
  let saved = 0;
  for (; saved < 1_000 && resetsOf(file) < before + 2; saved += 1) assert.equal(await adding(saved), 200);
  assert.ok(resetsOf(file) >= before + 2, 'The store ran fewer than two checkpoints.');
  return `${saved} saved, and two checkpoints run`;
}

const fewDescriptors: Fault = {
  name: 'twice as many idle connections as descriptors',
  missing: () => missingFor('descriptors'),
  run: async (scene) => {
    const limit = 200;
    const { target } = await scene.start({}, undefined, { under: ['prlimit', `--nofile=${limit}:${limit}`] });
    const idle = Array.from({ length: 2 * limit }, () => openRaw(target));
    scene.atEnd(() => void idle.map((socket) => socket.destroy()));
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    const result = await addLarge(scene, (index) => addOnNewConnection(target, index));
    await untilReadiness(target, 200);
    return result;
  },
};

const noDescriptor: Fault = {
  name: 'no descriptor left',
  missing: () => missingFor('descriptors'),
  run: async (scene) => {
    const { child, target } = await scene.start();
    const connection = new RawConnection(target.url);
    scene.atEnd(() => connection.close());
    const adding = async (index: number) => (await connection.exchange(addBytes(target, index))).status;
    assert.equal(await adding(0), 200);
    const open = readdirSync(`/proc/${child.pid}/fd`).length;
    limitFiles(child.pid, String(open));
    const result = await addLarge(scene, (index) => adding(index + 1));
    limitFiles(child.pid, '1024');
    await untilReadiness(target, 200);
    return `on an existing connection ${result}; with descriptors again /readyz 200`;
  },
};

function limitFiles(pid: number | undefined, limit: string): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--nofile=${limit}:`]);
  assert.equal(status, 0, String(stderr));
}

async function addOnNewConnection(target: Target, index: number): Promise<number> {
  return (await sendRaw(target, addBytes(target, index))).status;
}

function addBytes(target: Target, index: number): Buffer {
  const lead = { ...requestValue('addLead', 'accepted'), mobile: mobileOf(index), data: ballast };
  const { head, body } = rawRequest(target, 'addLead', lead);
  return Buffer.from(head + body);
}

/** User for a server that permissions apply to: root ignores them. */
const unprivileged = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

const readOnly: Fault = {
  name: 'a directory and files that become read-only',
  missing: () =>
    spawnSync(process.execPath, ['-e', '0'], unprivileged).status === 0
      ? undefined
      : 'this machine cannot run a program as another user.',
  run: async (scene) => {
    const directory = dirname(scene.file);
    mkdirSync(directory);
    chmodSync(scene.directory, 0o755);
    if (unprivileged.uid !== undefined) chownSync(directory, unprivileged.uid, unprivileged.gid);
    const change = (ofDirectory: number, ofFiles: number) => {
      chmodSync(directory, ofDirectory);
      for (const name of readdirSync(directory)) chmodSync(join(directory, name), ofFiles);
    };
    const { child, target } = await scene.start({}, undefined, unprivileged);
    const acknowledged = [await add(target, 0)];
    change(0o500, 0o400);
    for (const index of [1, 2]) acknowledged.push(await add(target, index));
    await crash(child);
    const { code, stderr } = await scene.run('src/main.ts', [], unprivileged);
    assert.equal(code, 1, 'the exit code of a start');
    assert.match(stderr, /may not read and write .* It belongs to that user: run `chmod/);
    change(0o700, 0o600);
    const { target: again } = await scene.start({ BOOTSTRAP: 'off' }, target.key, unprivileged);
    const stored = await storedOf(again, acknowledged.length);
    for (const [index, status] of acknowledged.entries())
      assert.equal(stored.includes(mobileOf(index)), status === 200, `${mobileOf(index)} after ${status}`);
    return `adds ${acknowledged.slice(1).join(', ')}; the next start refuses and reports the remedy; afterwards all acknowledged leads are there`;
  },
};

const killedBackup: Fault = {
  name: 'a killed backup',
  run: async (scene) => {
    const { target } = await scene.start();
    assert.equal(await add(target, 0), 200);
    const { signal, exists, names } = await killBackup(scene.file, join(scene.directory, 'backups'));
    assert.equal(signal, 'SIGKILL');
    assert.equal(exists, false, 'a file under the backup’s name');
    assert.notEqual(names.length, 0, 'the number of files that the backup left');
    for (const name of names) assert.match(name, /\.incomplete-/);
    const { code, stderr } = await scene.run('src/cli.ts', [
      'store',
      'backup',
      join(scene.directory, 'copy.db'),
    ]);
    assert.equal(code, 0, stderr);
    return `nothing under its name, and ${names.length} .incomplete; the next backup is complete`;
  },
};

const fullDisk: Fault = {
  name: 'a full disk',
  missing: () => missingFor('full'),
  run: async (scene) => {
    const { target, makeRoom } = await startOnSmallDisk(scene.atEnd, scene.directory);
    const { saved, refused } = await fill(target);
    assert.equal(await isStored(target, refused), false, 'a rejected lead is stored');
    await untilReadiness(target, 503);
    makeRoom();
    assert.equal(await add(target, saved.length + 1_000), 200, 'an add after space was freed');
    for (const mobile of saved) assert.ok(await isStored(target, mobile), `${mobile} is lost`);
    await untilReadiness(target, 200);
    return `${saved.length} saved, then 500 and /readyz 503; 200 after space was freed`;
  },
};

const unwritable: Fault = {
  name: 'a disk that cannot be written',
  missing: () => missingFor('unwritable'),
  run: async (scene) => {
    const { child, target } = await startOnDisk(scene.atEnd, scene.directory);
    allowWrites(child, false);
    assert.equal(await add(target, 0), 500);
    assert.equal(await isStored(target, mobileOf(0)), false, 'a rejected lead is stored');
    await untilReadiness(target, 503);
    allowWrites(child, true);
    assert.equal(await add(target, 0), 200);
    await untilReadiness(target, 200);
    return '500 and /readyz 503; afterwards 200';
  },
};

/** Faults of an SQLite store's files, disk and descriptors. */
export const fileFaults: readonly Fault[] = [
  ...fileLosses.map(faultOf),
  killedBackup,
  fewDescriptors,
  noDescriptor,
  readOnly,
  fullDisk,
  unwritable,
];
