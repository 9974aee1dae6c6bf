import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { post, type Target } from '../harness/client.ts';
import { requestValue, responseValue } from '../harness/contract.ts';
import { mobileOf } from '../harness/mobile.ts';
import { untilListening } from '../harness/server-process.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const person = requestValue('addLead', 'accepted');
const failed = JSON.stringify(responseValue('addLead', 500, 'server-error'));

/** Nearly the maximum size of `data`, so that a small disk is soon full. */
const data = JSON.stringify({ ballast: 'x'.repeat(60_000) });

/** A server with its own small disk, which exists as long as the server. */
export interface SmallDisk {
  child: ChildProcessWithoutNullStreams;
  target: Target;
  /** Frees part of the disk. */
  makeRoom(): void;
}

const probes = {
  full: ['unshare', '--map-root-user', '--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'],
  unwritable: ['prlimit', '--fsize=0:', 'true'],
  descriptors: ['prlimit', '--nofile=200:200', 'true'],
};

/** Returns why commands of util-linux do not work on this machine; undefined: they work. */
export function missingFor(kind: keyof typeof probes): string | undefined {
  const probe = probes[kind];
  const [program = '', ...words] = probe;
  return spawnSync(program, words).status === 0 ? undefined : `\`${probe.join(' ')}\` fails on this machine.`;
}

/** Starts a server with a disk of three megabytes, in its own mount namespace. */
export async function startOnSmallDisk(directory: string): Promise<SmallDisk> {
  const script = `mount -t tmpfs -o size=3m tmpfs ${directory} && exec ${process.execPath} ${root}src/main.ts`;
  const child = spawn('unshare', ['--map-root-user', '--mount', 'sh', '-c', script], {
    cwd: root,
    env: environment(`sqlite:${directory}/leads.db`),
  });
  const { target } = await untilListening(child);
  const ballast = `/proc/${child.pid}/root${directory}/ballast`;
  writeFileSync(ballast, Buffer.alloc(1_000_000));
  return { child, target, makeRoom: () => rmSync(ballast) };
}

/** Starts a server on the machine's disk. */
export async function startOnDisk(directory: string): Promise<Pick<SmallDisk, 'child' | 'target'>> {
  const child = spawn(process.execPath, [`${root}src/main.ts`], {
    cwd: root,
    env: environment(`sqlite:${directory}/leads.db`),
  });
  return { child, target: (await untilListening(child)).target };
}

/** Makes the kernel refuse every write of a process to a file (EFBIG), or allows them again. */
export function allowWrites({ pid }: { pid?: number | undefined }, allowed: boolean): void {
  const limit = allowed ? 'unlimited' : '0';
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--fsize=${limit}:`]);
  if (status !== 0) throw new Error(`prlimit failed: ${stderr}`);
}

/** Sends leads until one is rejected. Returns the people who were acknowledged, and the one who was not. */
export async function fill(target: Target): Promise<{ saved: string[]; refused: string }> {
  const saved: string[] = [];
  for (let index = 0; index < 1_000; index += 1) {
    const mobile = mobileOf(index);
    const response = await post(target, 'addLead', { ...person, mobile, data });
    if (response.status === 200) saved.push(mobile);
    else if (response.text === failed) return { saved, refused: mobile };
    else throw new Error(`The response on a full disk was ${response.status} ${response.text}`);
  }
  throw new Error('The disk did not become full.');
}

/** Returns whether the server has the person's lead. */
export async function isStored(target: Target, mobile: string): Promise<boolean> {
  const { json } = await post(target, 'leadStatus', { mobile, type: person['type'] });
  return Object(json).found;
}

function environment(url: string): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', PORT: '0', DATABASE_URL: url, RATE_LIMIT: 'off' };
}
