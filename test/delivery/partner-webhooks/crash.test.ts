/**
 * A server that is killed while it sends events loses none of them, and repeats each under its id. EVENT_CRASH_ROUNDS
 * is the number of kills.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { StoreKeys } from '../../../src/store/keys/store-keys.ts';
import { openStore } from '../../../src/store/open.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { start } from '../../harness/process.ts';
import { accept, type Received, startReceiver } from '../../harness/receiver.ts';
import { deliverDue, temporaryDirectory } from '../../harness/server.ts';
import { closeAfterTest, seeded } from '../../store/stores.ts';

const rounds = Number(process.env['EVENT_CRASH_ROUNDS'] ?? 2);

/** Number of events in each round: more than are sent at once. */
const eventsPerRound = 25;

/** Ends the leases of the claims of a killed server, which would last for most of a minute. */
function endLeases(file: string): void {
  const database = new DatabaseSync(file, { timeout: 5_000 });
  database.exec('UPDATE partner_event SET next_attempt_at = 1 WHERE next_attempt_at IS NOT NULL');
  database.close();
}

/** Kills a server and waits for its exit. */
function kill(child: ReturnType<typeof start>): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

test(
  `no event is lost or changed in ${rounds} rounds of kill -9`,
  async () => {
    const file = join(temporaryDirectory(), 'leads.db');
    writeFileSync(`${file}.key`, 'ab'.repeat(32));
    const url = `sqlite:${file}`;
    const { store, first, from } = await seeded(openStore(url));
    closeAfterTest(store);
    const receiver = await startReceiver();
    const accepted = new Map<string, string>();
    const acceptEvent = (
      received: Received,
      ...rest: [Parameters<typeof accept>[1], Parameters<typeof accept>[2]]
    ) => {
      const id = received.headers['webhook-id'] ?? '';
      // A repeat has the same content.
      expect(accepted.get(id) ?? received.body).toBe(received.body);
      accepted.set(id, received.body);
      accept(received, ...rest);
    };
    const keyId = StoreKeys.parse('ab'.repeat(32), 'the test').current.id;
    await store.setWebhook('first', receiver.url, { salt: 'salt', keyId });
    const environment = { PORT: '0', DATABASE_URL: url, WEBHOOK_ALLOW: '127.0.0.0/8' };
    let repeated = 0;
    for (let round = 0; round < rounds; round += 1) {
      for (let n = 0; n < eventsPerRound; n += 1)
        await store.submit(from(first.id, { mobile: mobileOf(round * eventsPerRound + n) }));
      await deliverDue(store);
      let arrived = 0;
      const isKilled = Promise.withResolvers<void>();
      // Responds to some, and is killed with others in flight: after their arrival, or after their response.
      receiver.behave = (...request) => {
        arrived += 1;
        if (arrived <= 3 + (round % 5)) acceptEvent(...request);
        else isKilled.resolve();
      };
      const server = start('src/main.ts', [], environment);
      await isKilled.promise;
      await kill(server);
      repeated += (await store.webhooks())[0]?.waiting ?? 0;
      endLeases(file);
    }
    expect(repeated).toBeGreaterThan(0);
    receiver.behave = acceptEvent;
    const last = start('src/main.ts', [], environment);
    await expect.poll(async () => (await store.webhooks())[0]?.waiting, { timeout: 30_000 }).toBe(0);
    await kill(last);
    const all = await store.partnerEvents({
      partnerId: first.id,
      after: undefined,
      limit: rounds * eventsPerRound + 1,
    });
    expect(all?.events).toHaveLength(rounds * eventsPerRound);
    expect([...accepted.keys()].toSorted()).toEqual(all?.events.map(({ id }) => id).toSorted());
  },
  60_000 + rounds * 10_000,
);
