/** A server that is killed at the worst moment loses no lead, and a repeated lead has the same id. */

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { secret, untilAll } from '../harness/dispatch.ts';
import { mobileOf } from '../harness/mobile.ts';
import { start, untilOutput } from '../harness/process.ts';
import { accept, type Receiver, startReceiver } from '../harness/receiver.ts';
import { holdWriteLock, leadsIn, temporaryDirectory } from '../harness/server.ts';
import { seeded, sharedStores } from '../store/stores.ts';

/** Each starts a server. The kills wait for events, so more rounds would repeat the same. */
const rounds = 3;

/** Creates a store that outlives its servers, and a receiver of everything they send. */
async function deployment(environment: Record<string, string> = {}, url?: string) {
  const file = join(temporaryDirectory(), 'leads.db');
  const databaseUrl = url ?? `sqlite:${file}`;
  const { store, first, from } = await seeded(openStore(databaseUrl));
  const receiver = await startReceiver();
  let count = 0;
  const addLead = () => {
    count += 1;
    return store.submit(from(first.id, { mobile: mobileOf(count), content: '{}' }));
  };
  const startMain = () =>
    start('src/main.ts', [], {
      PORT: '0',
      DATABASE_URL: databaseUrl,
      DIALLER: 'webhook',
      DIALLER_URL: receiver.url,
      DIALLER_SECRET: secret,
      // Long enough for a busy machine: an attempt that timed out would be retried after minutes.
      DIALLER_TIMEOUT: '3000',
      ...environment,
    });
  return { file, store, receiver, addLead, startMain };
}

type Deployment = Awaited<ReturnType<typeof deployment>>;

/** Kills a server and waits for its exit. */
function kill(child: ReturnType<Deployment['startMain']>): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

/** Waits for the next request of the receiver, which responds only when `respond` is called. */
function nextRequest(receiver: Receiver): Promise<{ respond: () => void }> {
  return new Promise((resolve) => {
    receiver.behave = (received, outgoing, incoming) =>
      resolve({ respond: () => accept(received, outgoing, incoming) });
  });
}

/** Runs a last server until all leads are dialled, then compares what arrived with what was added. */
async function expectNoneLost({ store, receiver, startMain }: Deployment): Promise<void> {
  receiver.behave = accept;
  const last = startMain();
  last.stdout.resume();
  const leads = await untilAll(store, 'dialled');
  last.kill('SIGTERM');
  const bodies = new Map<string, Set<string>>();
  for (const { headers, body } of receiver.received) {
    const id = headers['webhook-id'] ?? '';
    bodies.set(id, (bodies.get(id) ?? new Set()).add(body));
  }
  expect([...bodies.keys()].toSorted()).toEqual(leads.map(({ id }) => id).toSorted());
  for (const [id, each] of bodies) expect(each.size, id).toBe(1);
  await store.close();
}

test(`loses no lead if the server is killed between claim and response (${rounds} rounds)`, async () => {
  const deployed = await deployment();
  for (let round = 0; round < rounds; round += 1) {
    await deployed.addLead();
    await deployed.addLead();
    const arrived = nextRequest(deployed.receiver);
    const child = deployed.startMain();
    await arrived;
    await kill(child);
  }
  expect(deployed.receiver.received.length).toBeGreaterThanOrEqual(rounds);
  await expectNoneLost(deployed);
}, 90_000);

test(`loses no lead if the server is killed between response and record (${rounds} rounds)`, async () => {
  const deployed = await deployment();
  for (let round = 0; round < rounds; round += 1) {
    await deployed.addLead();
    const arrived = nextRequest(deployed.receiver);
    const child = deployed.startMain();
    const { respond } = await arrived;
    // While the lock is held, the server cannot record the response, which it logs first.
    const lock = holdWriteLock(deployed.file);
    const logged = untilOutput(child, /lead was delivered/);
    respond();
    await logged;
    await kill(child);
    lock.release();
  }
  const dialled = await Array.fromAsync(deployed.store.leads({ state: 'dialled' }, 1_000));
  expect(dialled).toEqual([]);
  await expectNoneLost(deployed);
  expect(deployed.receiver.received.length).toBeGreaterThanOrEqual(2 * rounds);
}, 90_000);

test.each(sharedStores)(
  'withdraws a lead if the server is killed while the dialler is withdrawing it ($name)',
  async ({ newUrl }) => {
    const { store, receiver, addLead, startMain } = await deployment(
      { DIALLER_WITHDRAW: 'on' },
      await newUrl(),
    );
    await store.setWithdraws('motor', true);
    await addLead();
    const first = startMain();
    await untilAll(store, 'dialled');
    const withdrawing = nextRequest(receiver);
    const [lead] = await leadsIn(store);
    await store.cancelLead(lead?.id ?? '');
    await withdrawing;
    await kill(first);
    expect(await store.withdrawalStats()).toMatchObject({ open: 1 });
    receiver.behave = accept;
    const second = startMain();
    second.stdout.resume();
    await untilAll(store, 'cancelled');
    second.kill('SIGTERM');
    const events = receiver.received.map(({ body }) => JSON.parse(body).type);
    expect(events).toEqual(['lead.due', 'lead.withdraw', 'lead.withdraw']);
    const ids = receiver.received.slice(1).map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(1);
    await store.close();
  },
  60_000,
);
