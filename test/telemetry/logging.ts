/** A process for log.test.ts that logs in one of several modes. */
import { createLog, droppedLines } from '../../src/telemetry/log.ts';

const padding = 'x'.repeat(1_000);

async function inTerminal(): Promise<void> {
  Object.defineProperty(process.stdout, 'isTTY', { value: true });
  const log = await createLog('info');
  const text = process.argv[3] ?? '';
  log.info({ partner: text, nested: { [text]: [text] }, err: new Error(text) }, text);
}

async function untilUncaught(): Promise<void> {
  const log = await createLog('info');
  setImmediate(() => {
    log.info('the last line');
    throw new Error('nobody catches this');
  });
}

/** Returns the size of everything that is in use (bytes). Needs Node's option `--expose-gc`. */
function liveMemory(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Logs about 40 MB; then, on a message of the parent, single lines until the next message. */
async function withoutReader(): Promise<void> {
  const log = await createLog('info');
  const before = liveMemory();
  for (let count = 0; count < 40_000; count += 1) {
    log.info({ count, padding }, 'before');
    if (count % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const grown = liveMemory() - before;
  process.send?.({ dropped: droppedLines(), waiting: process.stdout.writableLength, grown });
  process.once('message', () => {
    const timer = setInterval(() => log.info('after'), 5);
    process.once('message', () => {
      clearInterval(timer);
      process.disconnect?.();
    });
  });
}

const modes = new Map(Object.entries({ inTerminal, untilUncaught, withoutReader }));
await modes.get(process.argv[2] ?? '')?.();
