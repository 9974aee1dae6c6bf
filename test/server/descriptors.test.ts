/** Whoever opens connections must not take the files that the store and the other parts need. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { openRaw, send } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { skipWithout, written } from '../harness/process.ts';
import { temporaryDirectory } from '../harness/server.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const person = requestValue('addLead', 'accepted');

test('idle connections, however many, leave room for adds and for the store', async (context) => {
  skipWithout(context, ['sh', '-c', 'ulimit -n 120']);
  const child = spawn('sh', ['-c', `ulimit -n 120 && exec '${process.execPath}' '${main}'`], {
    env: {
      PATH: process.env['PATH'] ?? '',
      PORT: '0',
      DATABASE_URL: `sqlite:${join(temporaryDirectory(), 'leads.db')}`,
    },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = await written(child, /Listening on \S+[\s\S]*-d '.*'/);
  const target = {
    url: /Listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1] ?? '',
    key: /leads_[\w-]{20,}/.exec(output)?.[0] ?? '',
  };
  const said = written(child, /There are as many connections as there can be/);
  const sockets = Array.from({ length: 200 }, () => openRaw(target));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  await said;
  for (let count = 0; count < 60; count += 1) {
    const mobile = `+44784${String(count).padStart(7, '0')}`;
    expect((await send(target, 'addLead', { body: { ...person, mobile } })).status).toBe(200);
  }
});
