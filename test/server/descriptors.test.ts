/** Connections must leave enough file descriptors for the store and the other parts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { openRaw, send } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { skipWithout, untilOutput } from '../harness/process.ts';
import { temporaryDirectory } from '../harness/server.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const person = requestValue('addLead', 'accepted');

test('accepts adds while any number of idle connections are open', async (context) => {
  skipWithout(context, ['sh', '-c', 'ulimit -n 120']);
  const child = spawn('sh', ['-c', `ulimit -n 120 && exec '${process.execPath}' '${main}'`], {
    env: {
      PATH: process.env['PATH'] ?? '',
      PORT: '0',
      DATABASE_URL: `sqlite:${join(temporaryDirectory(), 'leads.db')}`,
    },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = await untilOutput(child, /Listening on \S+[\s\S]*-d '.*'/);
  const target = {
    url: /Listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1] ?? '',
    key: /leads_[\w-]{20,}/.exec(output)?.[0] ?? '',
  };
  const warned = untilOutput(child, /The connection limit is reached/);
  const sockets = Array.from({ length: 200 }, () => openRaw(target));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  await warned;
  for (let count = 0; count < 60; count += 1) {
    const mobile = `+44784${String(count).padStart(7, '0')}`;
    expect((await send(target, 'addLead', { body: { ...person, mobile } })).status).toBe(200);
  }
});
