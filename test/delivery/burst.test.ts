/** After a long outage many leads are due at once. Partners must still get responses, and memory must stay bounded. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { digestOf, newKey } from '../../src/partners/key.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { post, type Target } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { secret } from '../harness/dispatch.ts';
import { start, untilOutput } from '../harness/process.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { seeded } from '../store/stores.ts';

const dueLeads = 100_000;
const concurrency = 20;

/** Maximum number of leads delivered per response to a partner; usually it is about two. */
const maxDeliveriesPerAdd = 5;

/** Maximum growth of memory (MiB); all due leads together would take several times as much. */
const maxMemoryGrowth = 200;

/** Creates a store with leads that can be made due at one time, and a key for adding more. */
async function createBacklog(file: string): Promise<{ key: string; makeDueAt: (time: number) => void }> {
  const { store, first, from } = await seeded(openSqliteStore(file));
  const key = newKey();
  await store.addKey('first', 'key', digestOf(key));
  const content = JSON.stringify({ first_name: 'John', surname: 'Doe', data: 'x'.repeat(4_000) });
  for (let index = 0; index < dueLeads; index += 5_000) {
    const batch = Array.from({ length: 5_000 }, (_, each) => {
      const mobile = `+4478${String(index + each).padStart(8, '0')}`;
      return store.submit(from(first.id, { mobile, content, delays: 86_400 }));
    });
    await Promise.all(batch);
  }
  await store.close();
  const makeDueAt = (time: number) => {
    const database = new DatabaseSync(file, { timeout: 10_000 });
    database.prepare('UPDATE lead SET due_at = ?1, next_attempt_at = ?1').run(time);
    database.close();
  };
  return { key, makeDueAt };
}

/** Returns the resident memory of a process (MiB). */
function residentMemory(pid: number | undefined): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) / 1_024;
}

/** Returns what the receiver has received so far. */
async function receivedBy(
  receiver: ReturnType<typeof start>,
): Promise<{ count: number; different: number; maxConcurrency: number }> {
  const line = untilOutput(receiver, /\n/);
  receiver.stdin.write('?\n');
  return JSON.parse(await line);
}

let added = 0;

/** Adds leads, four at a time, until `isDone`. Returns the number of responses, all of which report a saved lead. */
async function add(target: Target, isDone: () => boolean): Promise<number> {
  const person = { ...requestValue('addLead', 'accepted'), type: 'motor', delays: 86_400 };
  let responses = 0;
  const sender = async () => {
    while (!isDone()) {
      added += 1;
      const mobile = `0784${String(added).padStart(7, '0')}`;
      const { json } = await post(target, 'addLead', { ...person, mobile });
      expect(json).toMatchObject({ saved: true });
      responses += 1;
    }
  };
  await Promise.all([sender(), sender(), sender(), sender()]);
  return responses;
}

test('delivers from a backlog of a hundred thousand due leads a few at a time without blocking the intake', async (context) => {
  if (process.platform !== 'linux') return context.skip('The memory of a process is read from /proc.');
  const file = join(temporaryDirectory(), 'leads.db');
  const { key, makeDueAt } = await createBacklog(file);
  const receiver = start('test/delivery/burst-receiver.ts', [], {});
  const receiverUrl = (await untilOutput(receiver, /\n/)).trim();
  const child = start('src/main.ts', [], {
    PORT: '0',
    DATABASE_URL: `sqlite:${file}`,
    DIALLER: 'webhook',
    DIALLER_URL: receiverUrl,
    DIALLER_SECRET: secret,
    DIALLER_CONCURRENCY: String(concurrency),
    RATE_LIMIT: 'off',
  });
  const output = await untilOutput(child, /Listening on/);
  const target = { url: /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0] ?? '', key };
  await add(target, () => added >= 2_000);
  const memoryAtRest = residentMemory(child.pid);

  makeDueAt(Date.now());
  await expect.poll(async () => (await receivedBy(receiver)).count).toBeGreaterThan(concurrency);
  // Counts instead of times: the ratio is the same on a busy machine.
  const before = (await receivedBy(receiver)).count;
  let delivered = 0;
  const adding = add(target, () => delivered >= 5_000);
  while (delivered < 5_000) delivered = (await receivedBy(receiver)).count - before;
  const adds = await adding;
  const { count, different, maxConcurrency } = await receivedBy(receiver);
  expect(count).toBeLessThan(dueLeads);
  expect(different).toBe(count);
  expect(adds * maxDeliveriesPerAdd).toBeGreaterThan(delivered);
  expect(maxConcurrency).toBeLessThanOrEqual(concurrency);
  expect(residentMemory(child.pid)).toBeLessThan(memoryAtRest + maxMemoryGrowth);
}, 120_000);
