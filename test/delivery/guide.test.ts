/** An operator pastes the receiver of docs/operating/diallers.md and expects it to work. */
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Webhook } from 'standardwebhooks';
import { expect, onTestFinished, test } from 'vitest';
import { createWebhook } from '../../src/delivery/diallers/webhook.ts';
import { dispatch, limits, secret, untilAll, webhookTo } from '../harness/dispatch.ts';
import { skipWithout, untilOutput } from '../harness/process.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { furnished, openStore } from '../store/stores.ts';

const guide = readFileSync(new URL('../../docs/operating/diallers.md', import.meta.url), 'utf8');

/** Starts the receiver exactly as the guide shows it. */
async function startGuidesReceiver() {
  const [, source = ''] = /```js\n([\s\S]*?)```/.exec(guide) ?? [];
  const directory = temporaryDirectory();
  symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(directory, 'node_modules'));
  writeFileSync(join(directory, 'receiver.mjs'), source);
  const child = spawn(process.execPath, ['receiver.mjs'], {
    cwd: directory,
    env: { PATH: process.env['PATH'] ?? '', DIALLER_SECRET: secret, PORT: '0' },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [, port] = /Listening on (\d+)/.exec(await untilOutput(child, /Listening on \d+/)) ?? [];
  return { child, url: `http://127.0.0.1:${port}/leads` };
}

test('the receiver of the guide accepts a signed lead and rejects forged and replayed ones', async () => {
  const { child, url } = await startGuidesReceiver();
  const called = untilOutput(child, /Call \+447840258823 about motor: lead [0-9a-v]{20}/);
  const { store, first, from } = await furnished(openStore());
  await store.submit(from(first.id));
  dispatch(store, webhookTo(url));
  await called;
  await untilAll(store, 'dialled');
  const forged = await fetch(url, { method: 'POST', body: '{"data":{"mobile":"+447840258824"}}' });
  expect(forged.ok).toBe(false);
  // A request that was intercepted and is sent again later.
  const replayedAt = (time: number) => {
    const body = JSON.stringify({ data: { mobile: '+447840258825', type: 'motor', id: 'kept' } });
    const signed = new Webhook(secret).sign('kept', new Date(time), body);
    const headers = {
      'webhook-id': 'kept',
      'webhook-timestamp': String(Math.floor(time / 1_000)),
      'webhook-signature': signed,
    };
    return fetch(url, { method: 'POST', headers, body });
  };
  expect((await replayedAt(Date.now())).status).toBe(204);
  expect((await replayedAt(Date.now() - 600_000)).ok).toBe(false);
});

test('the command of the guide creates a valid secret', (context) => {
  skipWithout(context, ['openssl', 'version']);
  const [, command = ''] = /`(echo "whsec_[^`]*)`/.exec(guide) ?? [];
  const made = execFileSync('sh', ['-c', command], { encoding: 'utf8' }).trim();
  expect(createWebhook({ DIALLER_URL: 'https://receiver.test', DIALLER_SECRET: made }, limits).name).toBe(
    'webhook',
  );
});
