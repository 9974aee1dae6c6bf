/** The image of `deploy/Dockerfile`, built and run without a daemon. */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, type TestContext, test } from 'vitest';
import { send } from '../harness/client.ts';
import {
  buildImage,
  type Image,
  newVolume,
  signalContainer,
  startContainer,
  statusOf,
} from '../harness/image.ts';
import { freePort } from '../harness/postgres-server.ts';
import { type Finished, finished, skipWithout } from '../harness/process.ts';
import { untilListening } from '../harness/server-process.ts';

/** What the tests need, besides Buildah, to build the image and to run it as a container runtime does. */
const probe = [
  'sh',
  '-c',
  'test "$(id -u)" = 0 && dpkg-query --version && unshare --mount --pid --fork true',
];

let image: Image | undefined;

beforeAll(async () => {
  if ([['buildah', '--version'], probe].every(succeeds)) image = await buildImage();
}, 600_000);
afterAll(() => image?.remove(), 120_000);

function succeeds([program = '', ...words]: readonly string[]): boolean {
  return spawnSync(program, words).status === 0;
}

/** Returns the image and a new volume. Skips the test if the image cannot be built here. */
function setUp(context: TestContext): { image: Image; volume: string } {
  skipWithout(context, ['buildah', '--version']);
  if (image === undefined) {
    context.skip('Building and running the image needs root, Debian and the right to create namespaces.');
  }
  const volume = newVolume(image.config);
  onTestFinished(() => rmSync(volume, { recursive: true, force: true }));
  return { image, volume };
}

/** Runs a command in a new container until it exits. */
function run(
  used: { image: Image; volume: string },
  command: readonly string[],
  environment: Record<string, string> = {},
): Promise<Finished> {
  return finished(startContainer(used.image, used.volume, environment, command));
}

test('the image contains no shell, and its processes start without one as a user without rights', (context) => {
  const { image: built } = setUp(context);
  const { config, files, size } = built;
  expect(config.User).toBe('10001:10001');
  expect(config.Cmd[0]).toBe('node');
  expect(config.Healthcheck.Test.slice(0, 2)).toEqual(['CMD', 'node']);
  expect(Object.keys(config.Volumes)).toEqual(['/data']);
  for (const shell of ['bin/sh', 'usr/bin/sh', 'bin/bash', 'usr/bin/bash']) {
    expect(existsSync(join(files, shell))).toBe(false);
  }
  // Node alone has 150 MB.
  expect(size).toBeLessThan(250e6);
});

test('a container with a read-only root starts, is healthy, ends within ten seconds, and keeps leads on its volume', async (context) => {
  const used = setUp(context);
  const port = await freePort();
  const settings = { PORT: String(port), BOOTSTRAP: 'on', HOST: '127.0.0.1' };
  const healthCheck = used.image.config.Healthcheck.Test.slice(1);
  expect((await run(used, healthCheck, settings)).code).toBe(1);

  const container = startContainer(used.image, used.volume, settings);
  onTestFinished(() => void container.kill('SIGKILL'));
  const { target } = await untilListening(container);
  expect((await run(used, healthCheck, settings)).code).toBe(0);
  expect(statusOf(container, 'NSpid').split('\t').at(-1)).toBe('1');
  expect(statusOf(container, 'Uid').split('\t')).toEqual(['10001', '10001', '10001', '10001']);
  expect(Number(`0x${statusOf(container, 'CapEff')}`)).toBe(0);
  expect((await send(target, 'addLead')).status).toBe(200);

  const ended = finished(container);
  const signalled = performance.now();
  signalContainer(container, 'SIGTERM');
  expect((await ended).code).toBe(0);
  expect(performance.now() - signalled).toBeLessThan(10_000);

  const list = await run(used, ['leads', 'lead', 'list', '--json']);
  expect(list.stderr).toBe('');
  expect(list.stdout).toContain('+447840258823');
}, 60_000);

test('the root file system cannot be written, /tmp and the volume can', async (context) => {
  const used = setUp(context);
  const files = [
    '/file',
    '/etc/file',
    '/usr/local/lib/file',
    '/var/cache/leads/file',
    '/tmp/file',
    '/data/file',
  ];
  const script = `for (const file of ${JSON.stringify(files)}) {
    try { fs.writeFileSync(file, ''); console.log('written'); } catch ({ code }) { console.log(code); }
  }`;
  const { stdout } = await run(used, ['node', '-e', script]);
  expect(stdout.trim().split('\n')).toEqual(['EROFS', 'EROFS', 'EROFS', 'EROFS', 'written', 'written']);
});

test('a container uses the compiled modules of the image', async (context) => {
  const used = setUp(context);
  const { code, stderr, stdout } = await run(used, ['leads', '--version'], {
    NODE_DEBUG_NATIVE: 'COMPILE_CACHE',
  });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^leads-api /);
  expect(stderr).toMatch(/dist\/cli\.js.*success/);
  expect(stderr).toMatch(/dist\/cli\/program\.js.*success/);
});
