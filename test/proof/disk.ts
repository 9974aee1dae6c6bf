import { type ChildProcessWithoutNullStreams, spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { post, type Target } from '../harness/client.ts';
import { requestValue, responseValue } from '../harness/contract.ts';
import { mobileOf } from '../harness/mobile.ts';
import { type AtEnd, type Start, startUntil } from '../harness/process.ts';
import { untilListening } from '../harness/server-process.ts';

const person = requestValue('addLead', 'accepted');
const failed = {
  addLead: JSON.stringify(responseValue('addLead', 500, 'server-error')),
  cancelLead: JSON.stringify(responseValue('cancelLead', 500, 'server-error')),
};

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
export async function startOnSmallDisk(atEnd: AtEnd, directory: string): Promise<SmallDisk> {
  const script = 'mount -t tmpfs -o size=3m tmpfs "$0" && exec "$@"';
  const under = ['unshare', '--map-root-user', '--mount', 'sh', '-c', script, directory];
  const { child, target } = await startOnDisk(atEnd, directory, { under });
  const ballast = `/proc/${child.pid}/root${directory}/ballast`;
  writeFileSync(ballast, Buffer.alloc(1_000_000));
  return { child, target, makeRoom: () => rmSync(ballast) };
}

/** Starts a server on the machine's disk. */
export async function startOnDisk(
  atEnd: AtEnd,
  directory: string,
  how: Start = {},
): Promise<Pick<SmallDisk, 'child' | 'target'>> {
  const environment = { PORT: '0', DATABASE_URL: `sqlite:${directory}/leads.db`, RATE_LIMIT: 'off' };
  const child = startUntil(atEnd, 'src/main.ts', [], environment, undefined, how);
  return { child, target: (await untilListening(child)).target };
}

/** Makes the kernel refuse every write of a process to a file (EFBIG), or allows them again. */
export function allowWrites({ pid }: { pid?: number | undefined }, allowed: boolean): void {
  const limit = allowed ? 'unlimited' : '0';
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--fsize=${limit}:`]);
  if (status !== 0) throw new Error(`prlimit failed: ${stderr}`);
}

/**
 * Sends large leads until one is rejected, then small ones, then cancellations, which need the least space. Returns the
 * people whose leads were acknowledged, and one whose lead was not.
 */
export async function fill(target: Target): Promise<{ saved: string[]; refused: string }> {
  const large = await sendUntilRejected(target, 'addLead', 0, { ...person, data });
  const small = await sendUntilRejected(target, 'addLead', large.next, person);
  await sendUntilRejected(target, 'cancelLead', small.next, { type: person['type'] });
  return { saved: [...large.saved, ...small.saved], refused: small.refused };
}

/** Sends a request for one person after the other until one is rejected. @param from number of the first person */
async function sendUntilRejected(
  target: Target,
  operationId: 'addLead' | 'cancelLead',
  from: number,
  body: Record<string, unknown>,
): Promise<{ saved: string[]; refused: string; next: number }> {
  const saved: string[] = [];
  for (let index = from; index < from + 1_000; index += 1) {
    const mobile = mobileOf(index);
    const { status, text } = await post(target, operationId, { ...body, mobile });
    if (text === failed[operationId]) return { saved, refused: mobile, next: index + 1 };
    if (status !== 200) throw new Error(`The response on a full disk was ${status} ${text}`);
    saved.push(mobile);
  }
  throw new Error('The disk did not become full.');
}

/** Returns whether the server has the person's lead. */
export async function isStored(target: Target, mobile: string): Promise<boolean> {
  const { json } = await post(target, 'leadStatus', { mobile, type: person['type'] });
  return Object(json).found;
}
