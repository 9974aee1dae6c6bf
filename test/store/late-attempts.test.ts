/** An attempt that ends after its lead was withdrawn, because its server had stalled. */
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { asAdministrator } from '../harness/postgres.ts';
import { cancel, claim, leadsIn } from '../harness/server.ts';
import { person } from './conformance/behaviour.ts';
import { closeAfterTest, seeded, sharedStores } from './stores.ts';

/** Runs statements on another connection to a store. */
async function execute(url: string, { sqlite, postgres }: { sqlite: string; postgres: string }) {
  if (!url.startsWith('sqlite:')) await asAdministrator(url, postgres);
  else {
    const database = new DatabaseSync(url.slice('sqlite:'.length));
    database.exec(sqlite);
    database.close();
  }
}

const refuseWithdrawals = {
  sqlite: "CREATE TRIGGER refused BEFORE UPDATE ON withdrawal BEGIN SELECT RAISE(ABORT, 'refused'); END",
  postgres: `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$;
    CREATE TRIGGER refused BEFORE UPDATE ON withdrawal FOR EACH ROW EXECUTE FUNCTION refuse()`,
};

const permitWithdrawals = { sqlite: 'DROP TRIGGER refused', postgres: 'DROP TRIGGER refused ON withdrawal' };

describe.each(sharedStores)('$name', ({ newUrl }) => {
  test('is recorded together with the withdrawal that it opens again, or not at all', async () => {
    const url = await newUrl();
    const { store, first, from } = await seeded(openStore(url));
    closeAfterTest(store);
    await store.setWithdraws(person.type, true);
    await store.submit(from(first.id));
    const [{ id: leadId = '' } = {}] = await claim(store, 'stalled', { lease: 0 });
    await cancel(store, { partnerId: first.id, ...person });
    await store.claimWithdrawals({ claim: 'withdrawer', limit: 1, lease: 60_000 });
    const withdrawn = { leadId, endedAt: Date.now(), outcome: 'withdrawn', response: '' } as const;
    await store.recordWithdrawal('withdrawer', withdrawn, undefined);
    const endedAt = Date.now() + 1;
    const attempt = { leadId, startedAt: 1, endedAt, outcome: 'delivered', response: 'late' } as const;
    const recorded = async () =>
      (await Array.fromAsync(store.attempts(person.mobile))).filter(({ response }) => response === 'late');
    await execute(url, refuseWithdrawals);
    await expect(store.recordAttempt('stalled', attempt, undefined)).rejects.toThrow('refused');
    expect(await recorded()).toEqual([]);
    await execute(url, permitWithdrawals);
    expect(await store.recordAttempt('stalled', attempt, undefined)).toBe(true);
    expect(await store.recordAttempt('stalled', attempt, undefined)).toBe(false);
    expect(await recorded()).toHaveLength(1);
    expect(await leadsIn(store)).toMatchObject([{ state: 'cancelled' }]);
    expect(await store.withdrawalStats()).toMatchObject({ open: 1 });
  });
});
