/** Operators set up the webhooks of partners, and find out why events do not arrive. */
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { executeCli, lines, storeWithCli } from '../harness/cli.ts';
import { respondWith, startReceiver } from '../harness/receiver.ts';
import { claim, record } from '../harness/server.ts';
import { newSubmission } from '../harness/submissions.ts';

/** Creates a store with a partner, and a command that uses it. */
async function withPartner(changes: Record<string, string> = {}) {
  const { file, open } = storeWithCli();
  const store = open();
  await store.addType('motor', null);
  const { id } = await store.addPartner('acme', ['motor']);
  const environment = { DATABASE_URL: `sqlite:${file}`, WEBHOOK_ALLOW: '127.0.0.0/8', ...changes };
  const webhook = (...words: string[]) => executeCli(['partner', 'webhook', ...words], environment);
  return { store, partnerId: id, webhook };
}

test('sets a webhook, prints its secret once, and sends a test that the secret verifies', async () => {
  const { store, webhook } = await withPartner();
  const receiver = await startReceiver();
  const set = await webhook('acme', receiver.url);
  expect(set).toMatchObject({
    code: 0,
    stderr: 'This secret is not shown again. Give it to the partner now.\n',
  });
  const { partner, secret } = JSON.parse(set.stdout);
  expect([partner, secret]).toEqual(['acme', expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/)]);
  const again = await webhook('set', 'acme', receiver.url);
  expect(again.stdout).toBe(
    `Events of partner "acme" are sent to ${receiver.url}. The secret was not changed.\n`,
  );
  const tested = await webhook('test', 'acme');
  expect(tested.stdout).toBe(`The event was accepted by ${receiver.url} of partner "acme": HTTP 204.\n`);
  const [{ body, headers } = { body: '', headers: {} }] = receiver.received;
  expect(new Webhook(secret).verify(body, headers)).toMatchObject({ type: 'webhook.test' });
  const rotated = JSON.parse((await webhook('rotate', 'acme', '--json')).stdout);
  await webhook('test', 'acme');
  const [, second] = receiver.received;
  for (const each of [secret, rotated.secret])
    expect(() => new Webhook(each).verify(second?.body ?? '', second?.headers ?? {})).not.toThrow();
  // The database contains neither.
  const stored = JSON.stringify(await store.webhooks());
  for (const each of [secret, rotated.secret]) expect(stored).not.toContain(each.slice(6));
  const audited = await Array.fromAsync(store.auditEntries({}, 9));
  expect(audited.map(({ command }) => command)).toEqual([
    'partner webhook rotate',
    'partner webhook set',
    'partner webhook set',
  ]);
  expect((await webhook('remove', 'acme')).stdout).toBe('Events of partner "acme" are no longer sent.\n');
  expect(await store.webhooks()).toEqual([]);
});

test('reports what the receiver responds to a test, and exits with 1', async () => {
  const { webhook } = await withPartner();
  const receiver = await startReceiver(respondWith(500, {}, 'internal details'));
  await webhook('acme', receiver.url);
  expect(await webhook('test', 'acme')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`was not accepted by ${receiver.url} of partner "acme": HTTP 500.`),
  });
});

test('refuses an address that is not allowed', async () => {
  const { webhook } = await withPartner({ WEBHOOK_ALLOW: 'off' });
  const receiver = await startReceiver();
  await webhook('acme', receiver.url);
  const { code, stderr } = await webhook('test', 'acme');
  expect([code, stderr]).toEqual([1, expect.stringContaining('the address is not public (WEBHOOK_ALLOW)')]);
  expect(receiver.received).toEqual([]);
});

test.each([
  'ftp://hooks.example',
  'hooks.example',
  'https://user:secret@hooks.example',
  'https://a.example/#b',
])('refuses the URL %s', async (url) => {
  const { webhook } = await withPartner();
  const { code, stderr } = await webhook('acme', url);
  expect([code, stderr]).toEqual([1, expect.stringContaining('is not the URL of a webhook')]);
});

test('lists webhooks and attempts, and sends events again', async () => {
  const { store, partnerId, webhook } = await withPartner();
  await webhook('acme', 'https://hooks.example/');
  await store.submit(
    newSubmission({
      partnerId,
      type: 'motor',
      mobile: '+447840258823',
      delays: 0,
      receivedAt: Date.now(),
      content: '{}',
    }),
  );
  const [lead] = await claim(store, 'claim');
  await record(store, 'claim', lead?.id ?? '', 'delivered');
  expect(lines(await webhook('list', '--json'))).toMatchObject([{ partner: 'acme', waiting: 1, failed: 0 }]);
  const [event] = await store.claimEvents({ partnerId, claim: 'claim', limit: 1, lease: 60_000 });
  const eventId = event?.id ?? '';
  const ended = { eventId, startedAt: 1_000, endedAt: 1_250, response: 'HTTP 503' } as const;
  await store.recordWebhookAttempts('claim', [{ ...ended, outcome: 'failed', nextAttemptAt: null }]);
  expect(lines(await webhook('attempts', 'acme', '--json'))).toEqual([
    {
      event: eventId,
      type: 'lead.dialled',
      partner: 'acme',
      lead: lead?.id,
      outcome: 'failed',
      response: 'HTTP 503',
      ms: 250,
      started_at: '1970-01-01T00:00:01Z',
    },
  ]);
  expect((await webhook('resend', 'acme', '--failed')).stdout).toBe(
    '1 event of partner "acme" will be sent again.\n',
  );
  expect(lines(await webhook('list', '--json'))).toMatchObject([{ waiting: 1, failed: 0 }]);
  for (const words of [['acme'], ['acme', eventId, '--failed']]) {
    expect((await webhook('resend', ...words)).stderr).toContain('Pass the id of an event, or --failed.');
  }
});
