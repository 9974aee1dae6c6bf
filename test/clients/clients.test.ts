/** Clients that partners generate from the published contract compile, and work with the server. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requestValue, responseValue } from '../harness/contract.ts';
import { startReceiver } from '../harness/receiver.ts';
import { startServer } from '../harness/server.ts';
import type { CreateClient, Lead } from './client.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
const contract = fileURLToPath(new URL('../../generated/partners.yaml', import.meta.url));

/** The command of each generator. Its client is in programs/, under the same name. */
const generators: Record<string, string[]> = {
  'openapi-fetch': ['openapi-typescript', contract, '--output', 'generated/openapi-fetch.ts'],
  'hey-api': [
    'openapi-ts',
    '--input',
    contract,
    '--output',
    'generated/hey-api',
    '--silent',
    '--no-log-file',
  ],
  orval: ['orval', '--input', contract, '--output', 'generated/zod.ts', '--client', 'zod'],
};

/** Runs a program of the package in this folder. */
function run([program = '', ...words]: string[]): void {
  execFileSync(join(folder, 'node_modules/.bin', program), words, { cwd: folder, stdio: 'pipe' });
}

// The casts: the requests are those of the contract's examples, which the generated clients accept.
const lead = requestValue('addLead', 'delayed') as unknown as Lead;
const person = { mobile: lead.mobile, type: lead.type };

beforeAll(() => {
  rmSync(join(folder, 'generated'), { recursive: true, force: true });
  mkdirSync(join(folder, 'generated'));
  for (const command of Object.values(generators)) run(command);
}, 180_000);
afterAll(() => rmSync(join(folder, 'generated'), { recursive: true, force: true }));

test('the clients compile in strict mode', { timeout: 120_000 }, () => run(['tsc', '--project', '.']));

describe.each(Object.keys(generators))('the client of %s', (name) => {
  async function clientFor(url: string, key: string) {
    const { createClient }: { createClient: CreateClient } = await import(`./programs/${name}.ts`);
    return createClient(url, key);
  }

  test('adds, looks up and cancels a lead, and reads every member without a cast', async () => {
    const server = await startServer();
    const client = await clientFor(server.url, server.key);
    expect(await client.add({ ...lead, test: true })).toMatchObject({ outcome: 'test', test: 'ok' });
    const { leadId, ...added } = await client.add(lead);
    expect(added).toMatchObject({ outcome: 'accepted', saved: true, processed: true, error: undefined });
    expect(await client.add(lead)).toMatchObject({
      outcome: 'already-scheduled',
      leadId: null,
      ...Object(responseValue('addLead', 200, 'already-scheduled')),
    });
    const status = { state: 'scheduled', leadId };
    expect(await client.status(person)).toEqual(status);
    expect(await client.status({ lead_id: leadId ?? '' })).toEqual(status);
    expect(await client.cancel(person)).toBeUndefined();
    expect(await client.cancel(person)).toBe(Object(responseValue('cancelLead', 200, 'not-found')).warning);
    expect(await client.status({ lead_id: '0'.repeat(20) })).toBeUndefined();
    const rows = [
      { ref: 'one', ...lead },
      { ref: 'two', ...lead },
    ];
    expect(await client.addMany(rows)).toEqual([
      { ref: 'one', outcome: 'accepted', status: 200, leadId: expect.any(String) },
      { ref: 'two', outcome: 'already-scheduled', status: 200, leadId: null },
    ]);
  });

  test('reads values and members that a later version adds', async () => {
    const receiver = await startReceiver();
    const client = await clientFor(receiver.url, 'any');
    const respondWith = (body: object) => {
      receiver.behave = (_received, outgoing) =>
        outgoing
          .writeHead(200, { 'Content-Type': 'application/json', 'Lead-Outcome': 'a-later-one' })
          .end(JSON.stringify(body));
    };
    respondWith({ saved: true, processed: false, error: 'A later one' });
    expect(await client.add(lead)).toMatchObject({ outcome: 'a-later-one', error: 'A later one' });
    respondWith({ cancelled: false, warning: 'a later one' });
    expect(await client.cancel(person)).toBe('a later one');
    const found = Object(responseValue('leadStatus', 200, 'scheduled'));
    respondWith({ ...found, state: 'a later one', later: { any: 'member' } });
    expect(await client.status(person)).toEqual({ state: 'a later one', leadId: found.lead_id });
  });
});

test.each(['openapi-fetch', 'hey-api'])('the client of %s reads validation errors', async (name) => {
  const server = await startServer();
  const { createClient }: { createClient: CreateClient } = await import(`./programs/${name}.ts`);
  const added = await createClient(server.url, server.key).add({ ...lead, email: 'invalid' });
  expect(added).toMatchObject({
    outcome: 'validation-failed',
    invalidEmail: 'Email is not a valid email address.',
  });
});
