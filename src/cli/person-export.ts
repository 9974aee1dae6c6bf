import { Command } from 'commander';
import type { ParsePhone } from '../leads/phone.ts';
import { findPeople } from '../store/find-person.ts';
import type { PersonalRows } from '../store/people.ts';
import type { Store } from '../store/store.ts';
import type { TableValue } from '../store/tables.ts';
import { defineAction } from './action.ts';
import type { CommandContext } from './context.ts';
import { numberArgument, readNumber } from './person-number.ts';

/** `leads person export`: prints everything that is held about a person. */
export function exportCommand(context: CommandContext): Command {
  const command = new Command('export')
    .description(
      'print everything that the store and the test data hold about a person as JSON, for a request for access.\nFinds the person under `mobile` and `other_phone`. Logs, backups and the dialler are not included',
    )
    .addArgument(numberArgument('<number>'));
  return defineAction(
    command,
    context,
    {
      mobile: 'the phone number (E.164)',
      exported_at: 'when it was exported (ISO 8601)',
      tables:
        'the rows of each table, by its name; times are ISO 8601, and partners and lead types have their names',
      test_tables: 'the same of the test data; null: there are none',
    },
    async ({ store, output, parsePhone, storeKeys }, _options: object, [number]: [string]) => {
      const mobile = await readNumber(number, context, { parsePhone });
      const [person = { mobile, otherSubmissions: [] }] = await findPeople(store, parsePhone, [mobile]);
      const { keys } = await storeKeys();
      const rows = await store.personalRows(person, keys?.personDigests(mobile) ?? []);
      await store.recordAudit({
        subject: { kind: 'person', id: keys?.current.personDigest(mobile) ?? null },
      });
      await output.value({
        mobile,
        exported_at: new Date().toISOString(),
        tables: await readable(store, rows),
        test_tables: await testTables(context, parsePhone, mobile),
      });
    },
  );
}

/** Returns the rows of the test data: a partner may send a person's data with a test key. Null: there are no test data. */
async function testTables(
  context: CommandContext,
  parsePhone: ParsePhone,
  mobile: string,
): Promise<Record<string, object[]> | null> {
  const store = await context.openTestData();
  if (store === undefined) return null;
  try {
    const [person = { mobile, otherSubmissions: [] }] = await findPeople(store, parsePhone, [mobile]);
    return await readable(store, await store.personalRows(person, []));
  } finally {
    await store.close();
  }
}

/** Replaces ids of partners and types by names, and times by ISO 8601. */
async function readable(store: Store, found: readonly PersonalRows[]): Promise<Record<string, object[]>> {
  const names = await store.namesById();
  const readableRow = (row: Record<string, TableValue>) =>
    Object.fromEntries(
      Object.entries(row).map(([column, value]): [string, TableValue] => {
        if (column === 'partner_id') return ['partner', names.partners.get(Number(value)) ?? value];
        if (column === 'type_id') return ['type', names.types.get(Number(value)) ?? null];
        const isTime = column.endsWith('_at') && typeof value === 'number';
        return [column, isTime ? new Date(value).toISOString() : value];
      }),
    );
  return Object.fromEntries(found.map(({ table, rows }) => [table, rows.map(readableRow)]));
}
