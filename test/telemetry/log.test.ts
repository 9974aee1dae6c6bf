/** The log survives a stalled or closed reader, and is safe for a terminal. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { BufferedOutput } from '../../src/telemetry/buffered-output.ts';
import { run } from '../harness/process.ts';

/** Creates a stream whose reader the test can stall. */
function stallableStream() {
  const chunks: string[] = [];
  let proceed: (() => void) | undefined;
  let isStalled = false;
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk: string, _encoding, done) => {
      chunks.push(chunk);
      if (isStalled) proceed = done;
      else done();
    },
  });
  const stall = (stalled: boolean) => {
    isStalled = stalled;
    const waiting = proceed;
    proceed = undefined;
    waiting?.();
  };
  return { stream, stall, lines: () => chunks.join('').split('\n').slice(0, -1) };
}

test('writes the lines of one tick together and in order', async () => {
  const chunks: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk: string, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  const output = new BufferedOutput(stream, () => {});
  for (const line of ['one\n', 'two\n']) output.write(line);
  expect(chunks).toEqual([]);
  await new Promise((resolve) => setImmediate(resolve));
  output.write('three\n');
  output.flush();
  output.flush();
  expect(chunks).toEqual(['one\ntwo\n', 'three\n']);
  expect(output.dropped).toBe(0);
});

test('flushes the buffer when it reaches its maximum length', () => {
  const { stream, lines } = stallableStream();
  const output = new BufferedOutput(stream, () => {});
  for (let count = 0; count < 70; count += 1) output.write(`${'x'.repeat(999)}\n`);
  expect(lines().length).toBe(66);
});

test('drops whole lines while the reader stalls, then reports how many, each time', async () => {
  const { stream, stall, lines } = stallableStream();
  const reported: number[] = [];
  const output = new BufferedOutput(stream, (missing) => {
    reported.push(missing);
    output.write(`${missing} missing\n`);
  });
  const write = (name: string, count: number) => {
    for (let index = 0; index < count; index += 1) output.write(`${name} ${index} ${'x'.repeat(1_000)}\n`);
    output.flush();
  };
  for (const round of ['first', 'second']) {
    const before = lines().length;
    const droppedBefore = output.dropped;
    stall(true);
    write(round, 5_000);
    expect(stream.writableLength).toBeLessThan(1_200_000);
    stall(false);
    await expect.poll(() => stream.writableLength).toBe(0);
    write('later', 1);
    const received = lines().slice(before);
    const missing = output.dropped - droppedBefore;
    expect(missing).toBeGreaterThan(3_500);
    expect(received.map((line) => line.replace(/ x+$/, ''))).toEqual([
      ...Array.from({ length: 5_000 - missing }, (_, index) => `${round} ${index}`),
      `${missing} missing`,
      'later 0',
    ]);
  }
  expect(reported.reduce((sum, missing) => sum + missing, 0)).toBe(output.dropped);
});

test('counts and discards lines after the reader has gone', async () => {
  const { stream } = stallableStream();
  const output = new BufferedOutput(stream, () => {});
  stream.destroy();
  for (let count = 0; count < 10; count += 1) {
    output.write('line\n');
    output.flush();
  }
  expect(output.dropped).toBe(10);
  expect(stream.listenerCount('drain')).toBeLessThanOrEqual(1);
});

test('keeps memory bounded while nobody reads the log, then logs how many lines were dropped', async () => {
  const program = fileURLToPath(new URL('logging.ts', import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', program, 'withoutReader'], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [state] = await once(child, 'message');
  expect(state.dropped).toBeGreaterThan(30_000);
  expect(state.waiting).toBeLessThan(1_200_000);
  expect(state.grown).toBeLessThan(8_000_000);
  let output = '';
  let isEnough = false;
  child.stdout?.setEncoding('utf8').on('data', (chunk) => {
    output += chunk;
    if (isEnough || !output.includes('"msg":"after"')) return;
    isEnough = true;
    child.send('enough');
  });
  child.send('read');
  await once(child, 'close');
  const lines = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const notice = lines.findIndex(({ dropped }) => dropped !== undefined);
  expect(lines[notice]).toMatchObject({
    level: 'warn',
    msg: 'Log lines were dropped because the reader of standard output stalled.',
  });
  expect(lines.slice(0, notice).map(({ count }) => count)).toEqual(
    Array.from({ length: notice }, (_, count) => count),
  );
  expect(lines[notice].dropped).toBeGreaterThanOrEqual(40_000 - notice);
  expect(lines.slice(notice + 1).every(({ msg }) => msg === 'after')).toBe(true);
  expect(lines.at(-1)).toMatchObject({ msg: 'after' });
});

test('writes lines logged just before an uncaught error', async () => {
  const { code, stdout, stderr } = await run('test/telemetry/logging.ts', ['untilUncaught'], {});
  expect(code).toBe(1);
  expect(stdout).toContain('"msg":"the last line"');
  expect(stderr).toContain('nobody catches this');
});

test('escapes unprintable characters in a terminal', async () => {
  const hostile =
    'a\u001b[2J\u0007\u007f\u0085\u009b31m\u00ad\u200b\u200e\u2028\u202e\u2066\ufeff\n\u{e0001}\u{1f600}z';
  const { stdout } = await run('test/telemetry/logging.ts', ['inTerminal', hostile], {});
  const escaped =
    'a\\u001b[2J\\u0007\\u007f\\u0085\\u009b31m\\u00ad\\u200b\\u200e\\u2028\\u202e\\u2066\\ufeff\\u000a\\u{e0001}😀z';
  expect(stdout.replaceAll('\\\\', '\\').split(escaped).length).toBeGreaterThan(4);
  expect(stdout.replace(/\n/g, '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
});
