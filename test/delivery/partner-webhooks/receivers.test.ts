/** Partners copy the receivers of their page, so each must accept what the server sends, and nothing else. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import { expect, onTestFinished, test } from 'vitest';
import { createWebhookClient } from '../../../src/delivery/partner-webhooks/webhook-client.ts';
import { skipWithout } from '../../harness/process.ts';
import { listening } from '../../harness/receiver.ts';
import { temporaryDirectory } from '../../harness/server.ts';

const guide = readFileSync(new URL('../../../docs/page/guide.md', import.meta.url), 'utf8');

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const previous = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;

/** How a receiver of the guide is started, by its language. */
const starters: Record<string, { probe: string[]; command?: (file: string, port: string) => string[] }> = {
  javascript: {
    probe: [process.execPath, '--version'],
    command: (file) => [process.execPath, file],
  },
  python: { probe: ['python3', '--version'], command: (file) => ['python3', file] },
  php: { probe: ['php', '--version'], command: (file, port) => ['php', '-S', `127.0.0.1:${port}`, file] },
  sh: { probe: ['openssl', 'version'] },
};

/** Returns the port of a server that has just stopped, which is free. */
async function freePort(): Promise<string> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}

/** Serves a CGI script, as a web server does. Returns its URL. */
async function serveCgi(file: string, environment: NodeJS.ProcessEnv): Promise<string> {
  const server = createServer(async (incoming, outgoing) => {
    const headers = Object.entries(incoming.headers).map(([name, value]) => [
      `HTTP_${name.toUpperCase().replaceAll('-', '_')}`,
      String(value),
    ]);
    const child = spawn('sh', [file], { env: { ...environment, ...Object.fromEntries(headers) } });
    incoming.pipe(child.stdin);
    const [, status = '500'] = /^Status: (\d+)/.exec(await text(child.stdout)) ?? [];
    outgoing.writeHead(Number(status)).end();
  });
  return `http://127.0.0.1:${await listening(server)}`;
}

/** Starts the receiver of the guide in a language. */
async function startReceiverIn(language: string) {
  const [, source = ''] =
    new RegExp(`^\`\`\`${language} Receiver.*\n([\\s\\S]*?)^\`\`\``, 'm').exec(guide) ?? [];
  const directory = temporaryDirectory();
  const events = temporaryDirectory();
  const file = join(directory, language === 'javascript' ? 'receiver.mjs' : `receiver.${language}`);
  writeFileSync(file, source);
  const port = await freePort();
  const path = process.env['PATH'] ?? '';
  const environment = { PATH: path, WEBHOOK_SECRET: secret, EVENTS_DIR: events, PORT: port };
  const command = starters[language]?.command?.(file, port);
  if (command === undefined) return { url: await serveCgi(file, environment), events };
  const [program = '', ...words] = command;
  const child = spawn(program, words, { env: environment, stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  await expect
    .poll(() => fetch(url, { method: 'POST' }).then(({ status }) => status), { timeout: 10_000 })
    .toBe(401);
  return { url, events };
}

test.each(Object.keys(starters))(
  'the receiver in %s stores each event once, and rejects what is forged or old',
  async (language) => {
    const { url, events } = await startReceiverIn(language);
    const stored = () => readdirSync(events).toSorted();
    const send = createWebhookClient({ isAllowed: () => true }, 1);
    const event = { id: 'evt_1', type: 'lead.dialled', data: { text: 'é\n' } };
    const attempt = (secrets: string[], sent = event) => send(url, secrets, sent, AbortSignal.timeout(9_000));
    expect(await attempt([previous])).toMatchObject({ response: 'HTTP 401' });
    expect(stored()).toEqual([]);
    expect(await attempt([previous, secret])).toMatchObject({ response: 'HTTP 204' });
    expect(JSON.parse(readFileSync(join(events, 'evt_1.json'), 'utf8'))).toEqual(event);
    writeFileSync(join(events, 'evt_1.json'), 'processed');
    expect(await attempt([secret])).toMatchObject({ response: 'HTTP 204' });
    expect(readFileSync(join(events, 'evt_1.json'), 'utf8')).toBe('processed');
    expect(await attempt([secret], { ...event, id: 'evt_2' })).toMatchObject({ outcome: 'delivered' });
    expect(stored()).toEqual(['evt_1.json', 'evt_2.json']);

    const body = JSON.stringify(event);
    const signed = (id: string, at: Date, signedBody = body) => ({
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': new Webhook(secret).sign(id, at, signedBody),
    });
    const now = new Date();
    for (const headers of [
      signed('evt_3', new Date(now.getTime() - 400_000)),
      signed('evt_3', new Date(now.getTime() + 400_000)),
      signed('../evt_3', now),
      { ...signed('evt_3', now), 'webhook-id': randomUUID().replaceAll('-', '') },
      signed('evt_3', now, `${body} `),
      {},
    ]) {
      const { status } = await fetch(url, { method: 'POST', headers, body });
      expect(status).toBe(401);
    }
    expect(stored()).toEqual(['evt_1.json', 'evt_2.json']);
  },
  30_000,
);

test('the guide has a receiver in each language', (context) => {
  for (const { probe } of Object.values(starters)) skipWithout(context, probe);
  const found = [...guide.matchAll(/^```(\w+) Receiver/gm)].map(([, language]) => language);
  expect(found).toEqual(Object.keys(starters));
});
