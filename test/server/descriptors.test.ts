/** Connections must leave enough file descriptors for the store and the other parts. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { openRaw, send } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { mobileOf } from '../harness/mobile.ts';
import { skipWithout, untilOutput } from '../harness/process.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { untilListening } from '../harness/server-process.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const person = requestValue('addLead', 'accepted');

test('accepts adds while any number of idle connections are open', async (context) => {
  skipWithout(context, ['sh', '-c', 'ulimit -n 120']);
  const child = spawn('sh', ['-c', `ulimit -n 120 && exec '${process.execPath}' '${main}'`], {
    env: {
      PATH: process.env['PATH'] ?? '',
      PORT: '0',
      BOOTSTRAP: 'on',
      DATABASE_URL: `sqlite:${join(temporaryDirectory(), 'leads.db')}`,
    },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
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
