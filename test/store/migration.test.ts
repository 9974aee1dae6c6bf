/** A store of an earlier version keeps what it holds, and the rules of this version apply to it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { openDatabase } from '../../src/store/sqlite/database.ts';
import type { Store } from '../../src/store/store.ts';
import { asAdministrator, emptyDatabase } from '../harness/postgres.ts';
import { cancel, leadsIn, temporaryDirectory } from '../harness/server.ts';
import { closing } from './stores.ts';

/** The first migrations of a store, as SQL. */
function migrations(kind: 'sqlite' | 'postgres', count: number): string {
  const directory = new URL(`../../src/store/${kind}/migrations/`, import.meta.url);
  const files = readdirSync(directory).sort().slice(0, count);
  return files.map((file) => readFileSync(new URL(file, directory), 'utf8')).join('\n');
}

/** Number, id, state, whether the dialler may have it, and whether it is released, as version 1.2 left them. */
const leads: [mobile: string, id: string, state: string, mayHaveArrived: boolean, isReleased: boolean][] = [
  ['1', 'a1', 'failed', true, true],
  ['2', 'b1', 'failed', true, true],
  ['2', 'b2', 'cancelled', false, true],
  ['3', 'c1', 'failed', true, true],
  ['3', 'c2', 'scheduled', false, false],
  ['4', 'd1', 'cancelled', false, true],
  ['4', 'd2', 'failed', false, true],
  ['5', 'e1', 'dialled', false, true],
  ['5', 'e2', 'failed', true, true],
  ['6', 'f1', 'expired', false, true],
];

function filled(truth: (value: boolean) => string): string {
  const rows = leads.map(
    ([mobile, id, state, mayHaveArrived, isReleased]) =>
      `('${id}', 1, '${mobile}', 1, 's${id}', '${state}', '${isReleased ? id : ''}', 1, 1, 1, 3, ${truth(mayHaveArrived)})`,
  );
  const submissions = leads.map(
    ([mobile, id]) => `('s${id}', 1, 1, 'motor', '${mobile}', 0, '{}', 'accepted', '${id}')`,
  );
  return `
    INSERT INTO lead_type (id, name, created_at) VALUES (1, 'motor', 1);
    INSERT INTO partner (id, name, created_at) VALUES (1, 'first', 1);
    INSERT INTO granted_type VALUES (1, 1);
    INSERT INTO lead (id, type_id, mobile, partner_id, submission_id, state, released, accepted_at, due_at,
      next_try_at, tries, may_have_arrived) VALUES ${rows.join(', ')};
    INSERT INTO submission (id, partner_id, received_at, type, mobile, delays, content, outcome, lead_id)
      VALUES ${submissions.join(', ')};`;
}

const stores: [string, () => Promise<Store>][] = [
  [
    'SQLite',
    async () => {
      const file = join(temporaryDirectory(), 'leads.db');
      const old = openDatabase(file);
      old.exec(migrations('sqlite', 7));
      old.exec(filled((value) => String(Number(value))));
      old.exec('PRAGMA user_version = 7');
      old.close();
      return openStore(`sqlite:${file}`);
    },
  ],
  [
    'PostgreSQL',
    async () => {
      const url = await emptyDatabase();
      await asAdministrator(url, migrations('postgres', 4));
      await asAdministrator(url, filled(String));
      await asAdministrator(
        url,
        `CREATE TABLE migration (number integer PRIMARY KEY, ran_at timestamptz NOT NULL DEFAULT now());
         INSERT INTO migration SELECT generate_series(1, 4)`,
      );
      return openStore(url);
    },
  ],
];

describe.each(stores)('%s', (_name, openOld) => {
  const person = (mobile: string) => ({ partnerId: 1, type: 'motor', mobile });

  function add(store: Store, mobile: string) {
    const sent = { id: `new${mobile}`, receivedAt: Date.now(), delays: 60, content: '{}' };
    return store.submit({ ...person(mobile), ...sent });
  }

  test('a failed lead that the dialler may have is active again if it is the last', async () => {
    const store = closing(await openOld());
    const undecided = await Array.fromAsync(store.leads({ isUndecided: true }, 10));
    expect(undecided.map(({ id }) => id)).toEqual(['e2', 'a1']);
    expect(await store.workload()).toMatchObject({
      undecided: 2,
      byState: { scheduled: 1, dialled: 1, cancelled: 2, failed: 5, expired: 1 },
    });
    const outcomes = ['1', '2', '3', '4', '5', '6'].map(async (mobile) => (await add(store, mobile)).outcome);
    expect(await Promise.all(outcomes)).toEqual([
      'already-scheduled',
      'accepted',
      'already-scheduled',
      'accepted',
      'already-scheduled',
      'accepted',
    ]);
    expect((await store.workload()).byState.scheduled).toBe(4);
  });

  test('the leads of a person are in the order of their ids, and new ones follow', async () => {
    const store = closing(await openOld());
    expect(await store.leadStatus(person('2'))).toMatchObject({ state: 'cancelled' });
    expect(await store.leadStatus(person('3'))).toMatchObject({ state: 'scheduled' });
    await expect(store.retry('b1')).rejects.toThrow('sent again since, as the lead b2');
    await store.retry('d2');
    expect(await cancel(store, person('4'))).toMatchObject({ outcome: 'cancelled' });
    for (let round = 0; round < 2; round += 1) {
      expect(await cancel(store, person('4'))).toMatchObject({ outcome: 'not-found' });
      expect(
        await store.submit({ ...person('4'), id: `4-${round}`, receivedAt: 1, delays: 0, content: '{}' }),
      ).toMatchObject({ outcome: 'accepted' });
      expect(await store.leadStatus(person('4'))).toMatchObject({ state: 'scheduled' });
      expect(await cancel(store, person('4'))).toMatchObject({ outcome: 'cancelled' });
    }
  });

  test('what was submitted before stays, and comes before what is cancelled now', async () => {
    const store = closing(await openOld());
    const submissions = await Array.fromAsync(store.submissions({}, 20));
    expect(submissions.map(({ id }) => id)).toEqual(leads.map(([, id]) => `s${id}`).toReversed());
    await cancel(store, person('6'));
    await expect(store.replay('sf1')).rejects.toThrow('was not scheduled');
    expect((await leadsIn(store)).find(({ id }) => id === 'f1')).toMatchObject({ state: 'expired' });
  });
});
