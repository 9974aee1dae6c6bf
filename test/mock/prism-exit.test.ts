/** The mock starts Prism only once it has its port, and ends with a message if Prism does. */
import { EventEmitter } from 'node:events';
import { createServer } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runMock } from '../../src/mock/mock.ts';
import { listening } from '../harness/receiver.ts';

const prism = Object.assign(new EventEmitter(), { kill: () => true });

// The cast: the mock uses nothing else of the process.
const startPrism = vi.fn(async () => ({ url: 'http://127.0.0.1:9', process: prism as never }));

vi.mock(import('../../src/mock/prism.ts'), async (original) => ({
  ...(await original()),
  startPrism: () => startPrism(),
}));

/** Runs the mock on a port until it fails. */
async function runOn(port: number): Promise<void> {
  const { argv } = process;
  onTestFinished(() => {
    process.argv = argv;
    vi.restoreAllMocks();
    startPrism.mockClear();
  });
  process.argv = ['node', 'mock.ts', '--port', String(port)];
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await runMock(new Promise(() => {}));
}

test('fails if Prism exits', async () => {
  prism.once('newListener', () => void setImmediate(() => prism.emit('exit', 1)));
  await expect(runOn(0)).rejects.toThrow('Prism ended unexpectedly. Start the mock server again.');
});

test('fails if Prism cannot start', async () => {
  startPrism.mockRejectedValueOnce(new Error('Prism exited with code 1 before it listened:\n'));
  await expect(runOn(0)).rejects.toThrow('Prism exited with code 1');
});

test('reports a port that is in use without starting Prism', async () => {
  const port = await listening(createServer());
  await expect(runOn(port)).rejects.toThrow(`another process listens on port ${port} of 127.0.0.1.`);
  expect(startPrism).not.toHaveBeenCalled();
});
