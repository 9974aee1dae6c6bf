/** Connections must leave enough file descriptors for the store and the other parts. */
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openRaw, send } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { mobileOf } from '../harness/mobile.ts';
import { skipWithout, start, untilOutput } from '../harness/process.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { untilListening } from '../harness/server-process.ts';

const person = requestValue('addLead', 'accepted');

test('accepts adds while any number of idle connections are open', async (context) => {
  skipWithout(context, ['sh', '-c', 'ulimit -n 120']);
  const environment = { PORT: '0', DATABASE_URL: `sqlite:${join(temporaryDirectory(), 'leads.db')}` };
  const under = ['sh', '-c', 'ulimit -n 120 && exec "$@"', 'sh'];
  const child = start('src/main.ts', [], environment, undefined, { under });
  const { target } = await untilListening(child);
  const warned = untilOutput(child, /The connection limit is reached/);
  const sockets = Array.from({ length: 200 }, () => openRaw(target));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  await warned;
  for (let count = 0; count < 60; count += 1) {
    const mobile = mobileOf(count);
    expect((await send(target, 'addLead', { body: { ...person, mobile } })).status).toBe(200);
  }
});
