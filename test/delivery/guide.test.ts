/** An operator starts from the receiver of docs/operating/diallers.md and expects it to work. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Webhook } from 'standardwebhooks';
import { expect, onTestFinished, test } from 'vitest';
import { createWebhook } from '../../src/delivery/diallers/webhook.ts';
import { dispatch, limits, secret, untilAll, webhookTo } from '../harness/dispatch.ts';
import { phpForm } from '../harness/php-form.ts';
import { skipWithout, untilOutput } from '../harness/process.ts';
import { startReceiver } from '../harness/receiver.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { openStore, seeded } from '../store/stores.ts';
import { claimedLead, claimedWithdrawal, noContext } from './claimed-lead.ts';
import { diallerAt } from './vicidial/start.ts';

const guide = readFileSync(new URL('../../docs/operating/diallers.md', import.meta.url), 'utf8');

const receiver = fileURLToPath(new URL('../../docs/operating/receiver.mjs', import.meta.url));

/** Starts the receiver of the guide. @param file in which it stores the leads */
async function startExampleReceiver(file = join(temporaryDirectory(), 'receiver.db')) {
  const child = spawn(process.execPath, [receiver], {
    env: { PATH: process.env['PATH'] ?? '', DIALLER_SECRET: secret, PORT: '0', RECEIVER_FILE: file },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const [, port] = /Listening on (\d+)/.exec(await untilOutput(child, /Listening on \d+/)) ?? [];
  return { child, file, output: () => output, url: `http://127.0.0.1:${port}/leads` };
}

test('the receiver of the guide passes a lead on once, and responds to a repeat with 2xx after a restart', async () => {
  const first = await startExampleReceiver();
  const { store, first: partner, from } = await seeded(openStore());
  await store.submit(from(partner.id));
  // The server is killed before it records the response: the lease of its claim ends.
  const leads = await store.claimDue({ claim: 'killed', limit: 1, lease: 1 });
  for (const lead of leads) {
    expect(await webhookTo(first.url).deliver(lead, AbortSignal.timeout(20_000), noContext)).toMatchObject({
      outcome: 'delivered',
    });
  }
  await expect.poll(first.output).toMatch(/^Call \+447840258823 about motor: lead [0-9a-v]{20}$/m);
  const ended = once(first.child, 'exit');
  first.child.kill('SIGKILL');
  await ended;

  const second = await startExampleReceiver(first.file);
  dispatch(store, webhookTo(second.url));
  await untilAll(store, 'dialled');
  await expect.poll(second.output).toContain(`Lead ${leads[0]?.id} arrived again.`);
  expect(second.output()).not.toContain('Call');
});

test('the receiver of the guide accepts a signed lead and rejects forged and replayed ones', async () => {
  const { child, url } = await startExampleReceiver();
  const called = untilOutput(child, /Call \+447840258823 about motor: lead [0-9a-v]{20}/);
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id));
  dispatch(store, webhookTo(url));
  await called;
  await untilAll(store, 'dialled');
  const forged = await fetch(url, { method: 'POST', body: '{"data":{"mobile":"+447840258824"}}' });
  expect(forged.ok).toBe(false);
  // A request that was intercepted and is sent again later.
  const replayedAt = (time: number) => {
    const body = JSON.stringify({
      type: 'lead.due',
      data: { mobile: '+447840258825', type: 'motor', id: 'kept' },
    });
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

test('the receiver of the guide does not pass on a lead that was withdrawn before it arrived', async () => {
  const { url, output } = await startExampleReceiver();
  const dialler = webhookTo(url, secret, { DIALLER_WITHDRAW: 'on' });
  const signal = AbortSignal.timeout(20_000);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    expect(await dialler.cancel?.(claimedWithdrawal(), signal)).toMatchObject({ outcome: 'withdrawn' });
  }
  expect(await dialler.deliver(claimedLead(), signal, noContext)).toMatchObject({ outcome: 'delivered' });
  await expect.poll(output).toContain(`Lead ${claimedLead().id} arrived again.`);
  expect(output()).not.toContain('Call');
});

test('the receiver of the guide refuses to withdraw a lead that it has passed on', async () => {
  const { url, output } = await startExampleReceiver();
  const dialler = webhookTo(url, secret, { DIALLER_WITHDRAW: 'on' });
  const signal = AbortSignal.timeout(20_000);
  await dialler.deliver(claimedLead(), signal, noContext);
  await expect.poll(output).toContain('Call +447840258823');
  expect(await dialler.cancel?.(claimedWithdrawal(), signal)).toEqual({
    outcome: 'too-late',
    response: 'HTTP 409',
  });
  await expect.poll(output).toContain('Do not call +447840258823');
});

test('the command of the guide creates a valid secret', (context) => {
  skipWithout(context, ['openssl', 'version']);
  const [, command = ''] = /`(echo "whsec_[^`]*)`/.exec(guide) ?? [];
  const made = execFileSync('sh', ['-c', command], { encoding: 'utf8' }).trim();
  expect(createWebhook({ DIALLER_URL: 'https://receiver.test', DIALLER_SECRET: made }, limits).name).toBe(
    'webhook',
  );
});

/** What the guide's table promises for a status. */
function documentedResult(status: number): string | undefined {
  const rows = [...guide.matchAll(/^\| ((?:[1-5](?:xx|\d\d)(?:, )?)+|any other 4xx) \| (.*) \|$/gm)];
  const listed = rows.find(([, statuses = '']) =>
    statuses.split(', ').some((each) => each === String(status) || each === `${Math.floor(status / 100)}xx`),
  );
  const row = listed ?? rows.find(([, statuses]) => statuses === 'any other 4xx');
  return row?.[2]?.replace(/\[([^\]]*)\]\([^)]*\)/, '$1');
}

test('the guide states the result of every response status', async () => {
  let status = 0;
  const receiver = await startReceiver((_received, outgoing) => void outgoing.writeHead(status).end());
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id));
  const [lead] = await store.claimDue({ claim: 'claim', limit: 1, lease: 60_000 });
  if (lead === undefined) throw new Error('No lead is due.');
  const dialler = webhookTo(receiver.url);
  expect(guide).toContain(
    'After a 3xx, a 5xx other than 503, or no response, the receiver may have the lead',
  );
  for (status = 200; status < 600; status += 1) {
    const { outcome, pause } = await dialler.deliver(lead, AbortSignal.timeout(20_000), noContext);
    const follows = {
      delivered: 'the lead is delivered',
      rejected: 'the lead becomes `failed` and is not retried',
      unavailable: 'the lead is retried',
      unknown: 'the lead is retried',
    }[outcome];
    expect(documentedResult(status), String(status)).toBe(
      pause === undefined
        ? follows
        : 'delivery is paused, and the lead is sent again as soon as you resume it, unless its attempts are used up',
    );
    const mayHaveArrived = /^[35]/.test(String(status)) && status !== 503;
    expect(outcome === 'unknown', String(status)).toBe(mayHaveArrived);
  }
});

/**
 * Responses of VICIdial for each row of the guide's table, except redirects, which every HTTP dialler handles alike.
 */
const vicidialResponses: Record<string, string[]> = {
  '`SUCCESS`': [
    'SUCCESS: add_lead LEAD HAS BEEN ADDED - 7840258823|1001|1|-1|leadsapi\nNOTICE: add_lead ADDED TO HOPPER - 1',
  ],
  '`DUPLICATE`, and VICIdial has this lead': ['ours'],
  '`DUPLICATE`, and VICIdial has an earlier lead of this person and type': ['earlier'],
  '`DUPLICATE` otherwise': ['ERROR: add_lead DUPLICATE PHONE NUMBER IN LIST - 7840258823|1001|8'],
  'another error about the lead, such as an invalid number or a do-not-call entry': [
    'ERROR: add_lead INVALID PHONE NUMBER LENGTH - 12|leadsapi',
    'ERROR: add_lead PHONE NUMBER IN DNC - 7840258823|leadsapi',
  ],
  'an unknown list, or one that the user may not use; also a type without a list': [
    'ERROR: add_lead NOT A DEFINED LIST ID, LIST EXISTS CHECK ENABLED - 7840258823|1001',
    'ERROR: add_lead NOT AN ALLOWED LIST ID - 7840258823|1001',
  ],
  'missing permissions, an IP address that is not allowed': [
    'ERROR: add_lead USER DOES NOT HAVE PERMISSION TO ADD LEADS TO THE SYSTEM - leadsapi|0',
    'ERROR: Your IP Address is not allowed: 10.0.0.1|',
  ],
  'too many logins: VICIdial has locked the user': [
    'ERROR: Too many login attempts, try again in 15 minutes: |leadsapi|wrong|LOCK|',
  ],
  'a wrong password': ['ERROR: Login incorrect, please try again: |leadsapi|wrong|BAD|'],
  'anything else, or no response': ['<html>', 'ERROR: add_lead LEAD HAS NOT BEEN ADDED'],
};

/** Delivers a lead to a VICIdial with a response, and returns the first words of what the guide should promise. */
async function resultAfter(response: string): Promise<string> {
  const earlier = '01k83s0kq3m4hn7c2v00';
  const lead = claimedLead();
  const code = { ours: lead.id, earlier }[response] ?? 'another';
  const isDuplicate = code !== 'another';
  const duplicate = 'ERROR: add_lead DUPLICATE PHONE NUMBER IN LIST - 7840258823|1001|8';
  const receiver = await startReceiver(({ body }, outgoing) => {
    const form = phpForm(body);
    if (form['function'] === 'add_lead') outgoing.end(isDuplicate ? duplicate : response);
    else if (form['function'] === 'update_lead')
      outgoing.end(
        'SUCCESS: update_lead LEAD HAS BEEN UPDATED - 8|1\nNOTICE: update_lead ADDED TO HOPPER - 8',
      );
    else outgoing.end(form['field_name'] === 'vendor_lead_code' ? code : '');
  });
  const context = { ...noContext, earlierLeads: async () => [earlier] };
  const result = await diallerAt(receiver.url).deliver(lead, AbortSignal.timeout(20_000), context);
  const { outcome, pause } = result;
  if (pause !== undefined) return pause.retryAfter === undefined ? 'delivery is paused' : 'is paused';
  return { delivered: '`dialled`', rejected: '`failed`', unavailable: 'retried', unknown: 'retried' }[
    outcome
  ];
}

test('the guide states the result of every response of VICIdial', async () => {
  const [, table = ''] = /\| VICIdial's response .*\n\|.*\n((?:\|.*\n)+)/.exec(guide) ?? [];
  const rows = table.trimEnd().split('\n');
  const cells = rows.map((row) => row.split('|').map((cell) => cell.trim()));
  const documented = new Map(
    cells.map(([, response = '', follows = '']) => [
      response,
      follows.replace(/\[([^\]]*)\]\([^)]*\)/, '$1'),
    ]),
  );
  expect([...documented.keys()]).toEqual(
    expect.arrayContaining([...Object.keys(vicidialResponses), 'a redirect (3xx)']),
  );
  expect(documented.size).toBe(Object.keys(vicidialResponses).length + 1);
  for (const [row, responses] of Object.entries(vicidialResponses)) {
    for (const response of responses)
      expect(documented.get(row), response).toContain(await resultAfter(response));
  }
});
