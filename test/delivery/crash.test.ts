/** A server that is killed at the worst moment loses no lead, and a repeat can be told by its id. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { secret, untilAll } from '../harness/dispatch.ts';
import { start } from '../harness/process.ts';
import { type Receiver, startReceiver, take } from '../harness/receiver.ts';
import { holdWriteLock, temporaryDirectory } from '../harness/server.ts';
import { furnished } from '../store/stores.ts';

const rounds = 25;

/** A store that outlasts its servers, and a receiver that sees all that they send. */
async function deployment() {
  const file = join(temporaryDirectory(), 'leads.db');
  const { store, first, from } = await furnished(openSqliteStore(file));
  const receiver = await startReceiver();
  let count = 0;
  const addLead = () => {
    count += 1;
    return store.submit(from(first.id, { mobile: `+44784${String(count).padStart(7, '0')}`, content: '{}' }));
  };
  const startMain = () =>
    start('src/main.ts', [], {
      PORT: '0',
      DATABASE_URL: `sqlite:${file}`,
      LOG_LEVEL: 'fatal',
      DIALLER: 'webhook',
      DIALLER_URL: receiver.url,
      DIALLER_SECRET: secret,
      DIALLER_TIMEOUT: '300',
    });
  return { file, store, receiver, addLead, startMain };
}

type Deployment = Awaited<ReturnType<typeof deployment>>;

/** Fulfilled when the server that is killed is gone. */
function killed(child: ReturnType<Deployment['startMain']>): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

/** The next request that the receiver gets; it is answered only by `behave`. */
function nextRequest(receiver: Receiver): Promise<{ response: () => void }> {
  return new Promise((resolve) => {
    receiver.behave = (received, outgoing, incoming) =>
      resolve({ response: () => take(received, outgoing, incoming) });
  });
}

/** Lets a last server finish, and holds what arrived against what was added. */
async function expectNoneLost({ store, receiver, startMain }: Deployment): Promise<void> {
  receiver.behave = take;
  const last = startMain();
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

test(`none is lost when the server is killed between claim and answer, in ${rounds} rounds`, async () => {
  const parts = await deployment();
  for (let round = 0; round < rounds; round += 1) {
    await parts.addLead();
    await parts.addLead();
    const arrived = nextRequest(parts.receiver);
    const child = parts.startMain();
    await arrived;
    await killed(child);
  }
  expect(parts.receiver.received.length).toBeGreaterThanOrEqual(rounds);
  await expectNoneLost(parts);
}, 90_000);

test(`none is lost when the server is killed between answer and record, in ${rounds} rounds`, async () => {
  const parts = await deployment();
  for (let round = 0; round < rounds; round += 1) {
    await parts.addLead();
    const arrived = nextRequest(parts.receiver);
    const child = parts.startMain();
    const { response } = await arrived;
    // While the lock is held the server has the answer and cannot record it.
    const lock = holdWriteLock(parts.file);
    response();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await killed(child);
    lock.release();
  }
  const attempts = await Array.fromAsync(parts.store.leads({ state: 'dialled' }, 1_000));
  expect(attempts).toEqual([]);
  await expectNoneLost(parts);
  expect(parts.receiver.received.length).toBeGreaterThanOrEqual(2 * rounds);
}, 90_000);
