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
import { mobileOf } from '../harness/mobile.ts';
import { start, untilOutput } from '../harness/process.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { untilListening } from '../harness/server-process.ts';
import { seeded } from '../store/stores.ts';

const dueLeads = 50_000;
const concurrency = 20;

/** Maximum number of leads delivered per response to a partner; usually it is about two. */
const maxDeliveriesPerAdd = 5;

/** Number of leads after whose delivery the test ends. */
const enough = 2_500;

/** Maximum growth of memory (MiB); all due leads together would take about twice as much. */
const maxMemoryGrowth = 120;

/** Creates a store with a key for adding leads. */
async function createStore(file: string): Promise<{ key: string }> {
  const { store } = await seeded(openSqliteStore(file));
  const key = newKey();
  await store.addKey('first', 'key', digestOf(key));
  await store.close();
  return { key };
}

/** Adds leads that are all due at once. SQL inserts them in a fraction of the time that the store would take. */
function addDueLeads(file: string): void {
  const content = JSON.stringify({ first_name: 'John', surname: 'Doe', data: 'x'.repeat(4_000) });
  const numbers = `(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${dueLeads})
    SELECT n FROM numbers)`;
  const database = new DatabaseSync(file, { timeout: 10_000 });
  // Submissions have a foreign key to leads, so leads are inserted first.
  database.exec(`BEGIN IMMEDIATE;
    INSERT INTO lead (id, type_id, mobile, partner_id, submission_id, state, accepted_at, due_at, next_attempt_at)
      SELECT 'lead' || n, 1, '+4479' || n, 1, 'submission' || n, 'scheduled', n, n, n FROM ${numbers};
    INSERT INTO submission (id, partner_id, received_at, type, mobile, delays, content, outcome, lead_id)
      SELECT 'submission' || n, 1, n, 'motor', '+4479' || n, 0, '${content}', 'accepted', 'lead' || n FROM ${numbers};
    COMMIT`);
  database.close();
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
      const { json } = await post(target, 'addLead', { ...person, mobile: mobileOf(added) });
      expect(json).toMatchObject({ saved: true });
      responses += 1;
    }
  };
  await Promise.all([sender(), sender(), sender(), sender()]);
  return responses;
}

test('delivers fifty thousand due leads a few at a time without blocking the intake', async (context) => {
  if (process.platform !== 'linux') return context.skip('The memory of a process is read from /proc.');
  const file = join(temporaryDirectory(), 'leads.db');
  const { key } = await createStore(file);
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
  const target = { ...(await untilListening(child, false)).target, key };
  await add(target, () => added >= 2_000);
  const memoryAtRest = residentMemory(child.pid);

  addDueLeads(file);
  await expect.poll(async () => (await receivedBy(receiver)).count).toBeGreaterThan(concurrency);
  // Counts instead of times: the ratio is the same on a busy machine.
  const before = (await receivedBy(receiver)).count;
  let delivered = 0;
  const adding = add(target, () => delivered >= enough);
  while (delivered < enough) delivered = (await receivedBy(receiver)).count - before;
  const adds = await adding;
  const { count, different, maxConcurrency } = await receivedBy(receiver);
  expect(count).toBeLessThan(dueLeads);
  expect(different).toBe(count);
  expect(adds * maxDeliveriesPerAdd).toBeGreaterThan(delivered);
  expect(maxConcurrency).toBeLessThanOrEqual(concurrency);
  expect(residentMemory(child.pid)).toBeLessThan(memoryAtRest + maxMemoryGrowth);
}, 120_000);
