/** The databases themselves refuse to change the audit log. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import { minAuditAge } from '../../src/store/audit.ts';
import { openStore } from '../../src/store/open.ts';
import { storeDatabase } from '../harness/database-pool.ts';
import { asAdministrator } from '../harness/postgres.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { tableNamed } from './conformance/behaviour.ts';

/** Opens a store with an entry of today and an old one. Returns its URL. */
async function storeWithEntries(url: string): Promise<string> {
  const store = await openStore(url);
  onTestFinished(() => store.close());
  store.actAs({ operator: 'alice', host: 'localhost', command: 'type add' });
  await store.addType('motor', null);
  const old = Date.now() - minAuditAge - 60_000;
  await store.addRows(tableNamed('audit_entry'), [
    [99, old, 'alice', 'localhost', 'x', 'type', 'x', null, null],
  ]);
  return url;
}

/** A store, and a function that runs a statement without the program. */
const databases = [
  {
    name: 'SQLite',
    open: async () => {
      const file = join(temporaryDirectory(), 'leads.db');
      await storeWithEntries(`sqlite:${file}`);
      const database = new DatabaseSync(file);
      onTestFinished(() => database.close());
      return async (sql: string) => database.prepare(sql).all();
    },
  },
  {
    name: 'PostgreSQL',
    open: async () => {
      const url = await storeWithEntries(await storeDatabase());
      return (sql: string) => asAdministrator(url, sql);
    },
  },
];

describe.each(databases)('$name', ({ name, open }) => {
  test('refuses to change an entry, and to delete one that is younger than six years', async () => {
    const run = await open();
    const refused = /Audit entries (cannot be changed|are kept)/;
    await expect(run("UPDATE audit_entry SET operator = 'bob'")).rejects.toThrow(refused);
    await expect(run('DELETE FROM audit_entry WHERE id <> 99')).rejects.toThrow(refused);
    await expect(run('DELETE FROM audit_entry')).rejects.toThrow(refused);
    if (name === 'PostgreSQL') await expect(run('TRUNCATE audit_entry')).rejects.toThrow(refused);
    expect(await run('SELECT operator FROM audit_entry')).toHaveLength(2);

    await run('DELETE FROM audit_entry WHERE id = 99');
    expect(await run('SELECT operator FROM audit_entry')).toMatchObject([{ operator: 'alice' }]);
  });
});
