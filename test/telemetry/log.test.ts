/** The log must survive whatever reads it, and a reader must survive the log. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { GatheredOutput } from '../../src/telemetry/gathered-output.ts';
import { run } from '../harness/process.ts';

/** A stream whose reader reads when the test says so. */
function stallable() {
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

test('lines of one tick are written at once, and in order', async () => {
  const chunks: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk: string, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  const output = new GatheredOutput(stream, () => {});
  for (const line of ['one\n', 'two\n']) output.write(line);
  expect(chunks).toEqual([]);
  await new Promise((resolve) => setImmediate(resolve));
  output.write('three\n');
  output.flush();
  output.flush();
  expect(chunks).toEqual(['one\ntwo\n', 'three\n']);
  expect(output.dropped).toBe(0);
});

test('what is gathered is bounded, too', () => {
  const { stream, lines } = stallable();
  const output = new GatheredOutput(stream, () => {});
  for (let count = 0; count < 70; count += 1) output.write(`${'x'.repeat(999)}\n`);
  expect(lines().length).toBe(66);
});

test('a reader that stalls gets whole lines up to a bound, and then how many are missing, each time', async () => {
  const { stream, stall, lines } = stallable();
  const reported: number[] = [];
  const output = new GatheredOutput(stream, (missing) => {
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

test('lines for a reader that is gone are counted, and nothing is kept of them', async () => {
  const { stream } = stallable();
  const output = new GatheredOutput(stream, () => {});
  stream.destroy();
  for (let count = 0; count < 10; count += 1) {
    output.write('line\n');
    output.flush();
  }
  expect(output.dropped).toBe(10);
  expect(stream.listenerCount('drain')).toBeLessThanOrEqual(1);
});

test('a process whose log nobody reads keeps within its memory, and says what is missing once it is read', async () => {
  const program = fileURLToPath(new URL('logging.ts', import.meta.url));
  const child = spawn(process.execPath, [program, 'withoutReader'], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [state] = await once(child, 'message');
  expect(state.dropped).toBeGreaterThan(30_000);
  expect(state.waiting).toBeLessThan(1_200_000);
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
    msg: 'Lines of the log were dropped: whatever reads standard output did not keep up.',
  });
  expect(lines.slice(0, notice).map(({ count }) => count)).toEqual(
    Array.from({ length: notice }, (_, count) => count),
  );
  expect(lines[notice].dropped).toBeGreaterThanOrEqual(40_000 - notice);
  expect(lines.slice(notice + 1).every(({ msg }) => msg === 'after')).toBe(true);
  expect(lines.at(-1)).toMatchObject({ msg: 'after' });
});

test('a line that was logged just before an uncaught error is written', async () => {
  const { code, stdout, stderr } = await run('test/telemetry/logging.ts', ['untilUncaught'], {});
  expect(code).toBe(1);
  expect(stdout).toContain('"msg":"the last line"');
  expect(stderr).toContain('nobody catches this');
});

test('in a terminal nothing that it would obey is written', async () => {
  const nasty =
    'a\u001b[2J\u0007\u007f\u0085\u009b31m\u00ad\u200b\u200e\u2028\u202e\u2066\ufeff\n\u{e0001}\u{1f600}z';
  const { stdout } = await run('test/telemetry/logging.ts', ['inTerminal', nasty], {});
  const escaped =
    'a\\u001b[2J\\u0007\\u007f\\u0085\\u009b31m\\u00ad\\u200b\\u200e\\u2028\\u202e\\u2066\\ufeff\\u000a\\u{e0001}😀z';
  expect(stdout.replaceAll('\\\\', '\\').split(escaped).length).toBeGreaterThan(4);
  expect(stdout.replace(/\n/g, '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
});
