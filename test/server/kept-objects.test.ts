/**
 * Nothing is kept of what has ended. Counting objects takes the longer the more there are, so these tests share no
 * worker.
 */
import { EventEmitter, once } from 'node:events';
import { Socket } from 'node:net';
import { queryObjects } from 'node:v8';
import { expect, onTestFinished, test, vi } from 'vitest';
import { AttemptRecorder } from '../../src/delivery/attempt-recorder.ts';
import { Connections, Peer } from '../../src/server/connections.ts';
import { openRaw } from '../harness/client.ts';
import { recordingLog } from '../harness/recording-log.ts';
import { startServer } from '../harness/server.ts';

test('keeps nothing of a closed connection that sent invalid HTTP', async () => {
  const server = await startServer();
  const sendInvalid = async () => {
    const socket = openRaw(server);
    socket.end('hello\r\n\r\n').resume();
    await once(socket, 'close');
  };
  await sendInvalid();
  const before = queryObjects(Socket, { format: 'count' });
  for (let count = 0; count < 50; count += 1) await sendInvalid();
  expect(queryObjects(Socket, { format: 'count' })).toBeLessThan(before + 25);
});

test('keeps nothing of an address without connections', () => {
  const limits = { connections: 1, perAddress: 1, requestsPerAddress: 1, pipelined: 1 };
  const connections = new Connections(limits, () => false);
  const openAndClose = (remoteAddress: string) => {
    const socket = Object.assign(new EventEmitter(), { remoteAddress });
    // The cast: connections use nothing else of a socket.
    expect(connections.open(socket as unknown as Socket)).toBe('accepted');
    socket.emit('close');
  };
  openAndClose('192.0.2.0');
  const before = queryObjects(Peer, { format: 'count' });
  for (let number = 1; number < 100; number += 1) openAndClose(`192.0.2.${number}`);
  expect(queryObjects(Peer, { format: 'count' })).toBeLessThan(before + 50);
  openAndClose('192.0.2.0');
});

test('keeps nothing of earlier retries of a record while the store fails', async () => {
  /** Stands for a timer that ends immediately. */
  class Timer {
    constructor(run: () => void) {
      setImmediate(run);
    }
  }
  vi.stubGlobal('setTimeout', (run: () => void) => new Timer(run));
  onTestFinished(() => void vi.unstubAllGlobals());
  const { log } = recordingLog();
  let failures = 0;
  const reached = Promise.withResolvers<void>();
  const recordAttempt = async () => {
    failures += 1;
    if (failures === 200) reached.resolve();
    throw new Error('disk full');
  };
  const recorder = new AttemptRecorder(
    {
      recordAttempt,
      releaseLeads: recordAttempt,
      endTooLate: async () => ({ expired: [], undecided: [] }),
      suppressClaimed: recordAttempt,
    },
    log,
  );
  const attempt = { leadId: 'lead', startedAt: 1, endedAt: 2, outcome: 'delivered', response: '' } as const;
  const recorded = recorder.record('claim', attempt, undefined);
  await reached.promise;
  expect(queryObjects(Timer, { format: 'count' })).toBeLessThan(20);
  recorder.stop();
  await recorded;
});
