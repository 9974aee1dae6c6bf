/** The mock ends with a message if Prism does, at any time. */
import { EventEmitter } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runMock } from '../../src/mock/mock.ts';

const prism = Object.assign(new EventEmitter(), { kill: () => true });

vi.mock(import('../../src/mock/prism.ts'), () => ({
  // The cast: the mock uses nothing else of the process.
  startPrism: async () => ({ url: 'http://127.0.0.1:9', process: prism as never }),
}));

vi.mock(import('../../src/server/http-server.ts'), () => ({ startHttpServer: () => new Promise(() => {}) }));

test('fails if Prism exits before the mock listens', async () => {
  const { argv } = process;
  onTestFinished(() => {
    process.argv = argv;
  });
  process.argv = ['node', 'mock.ts', '--port', '0'];
  prism.once('newListener', () => void setImmediate(() => prism.emit('exit', 1)));
  await expect(runMock(new Promise(() => {}))).rejects.toThrow('Prism ended unexpectedly.');
});
