import { phoneDigits } from '../../../leads/phone.ts';
import type { People, PersonalRows, PersonKey } from '../../people.ts';
import { type PersonalData, type TableValue, tablesToCopy } from '../../tables.ts';
import type { SqlDatabase } from '../database.ts';
import { type SqlDialect, type SqlStatement, type SqlValue, statement } from '../statement.ts';
import { selectedColumns } from '../tables.ts';
import { keyValues, leadsOfPerson, type Scope, scopeOf, submissionsOfPerson } from './person.ts';

/** Condition on the rows of a table that belong to a person. Its parameters are those of `valuesFor`. */
function personCondition(
  { by, column, otherColumn, timeColumn }: PersonalData,
  { inList }: SqlDialect,
): string {
  const isListed = `${column} ${inList('$1')}`;
  if (otherColumn !== undefined) return `(${column} = $1 OR ${otherColumn} = $1)`;
  if (by === 'mobile') return `${column} = $1`;
  // The partner has chosen the key, which may contain the number.
  if (by === 'request') return `(${isListed} OR fingerprint ${inList('$2')} OR idempotency_key LIKE $3)`;
  return timeColumn === undefined ? isListed : `(${isListed} AND ${timeColumn} <= $2)`;
}

/** Returns the values of the parameters of `personCondition`. */
export function valuesFor({ by, timeColumn }: PersonalData, scope: Scope): readonly SqlValue[] {
  const {
    mobile,
    receivedUntil = Number.MAX_SAFE_INTEGER,
    leadIds,
    submissionIds,
    fingerprints,
    digests,
  } = scope;
  switch (by) {
    case 'lead':
      return [leadIds];
    case 'submission':
      return [submissionIds];
    case 'digest':
      return timeColumn === undefined ? [digests] : [digests, receivedUntil];
    case 'mobile-or-digest':
      return [[mobile, ...digests]];
    case 'mobile':
      return [mobile];
    case 'request':
      return [leadIds, fingerprints, `%${phoneDigits(mobile, 'significant').digits}%`];
  }
}

/** The tables with personal data, each after those that it refers to. */
export const personalTables = tablesToCopy.flatMap(({ personal, ...table }) =>
  personal === 'none' ? [] : [{ ...table, personal }],
);

type PersonalTable = (typeof personalTables)[number];

/** Returns a statement on a person's rows of a table. Its text depends on the table, so it has no name. */
export function onRowsOf<Row extends object>(
  { personal }: PersonalTable,
  textFor: (where: string) => string,
): SqlStatement<Row> {
  return { name: '', textIn: (dialect) => textFor(personCondition(personal, dialect)), booleans: [] };
}

/** Reads everything that is held about a person (see `People.personalRows`). */
export async function personalRows(
  database: SqlDatabase,
  person: PersonKey,
  digests: readonly string[],
): Promise<PersonalRows[]> {
  const leads = await database.read(leadsOfPerson, ...keyValues(person));
  const submissions = await database.read(submissionsOfPerson, ...keyValues(person));
  const scope = scopeOf(person, leads, submissions, digests);
  const found: PersonalRows[] = [];
  for (const table of personalTables) {
    const key = table.columns.slice(0, table.keyLength).join(', ');
    const select = onRowsOf<Record<string, TableValue>>(
      table,
      (where) => `SELECT ${selectedColumns(table)} FROM ${table.name} WHERE ${where} ORDER BY ${key}`,
    );
    found.push({ table: table.name, rows: await database.read(select, ...valuesFor(table.personal, scope)) });
  }
  return found;
}

interface Named {
  id: number;
  name: string;
}

const partnerNames = statement<Named>('partner_names', 'SELECT id, name FROM partner');

const typeNames = statement<Named>('type_names', 'SELECT id, name FROM lead_type');

function namesIn(rows: readonly Named[]): ReadonlyMap<number, string> {
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** Reads the names of partners and lead types (see `People.namesById`). */
export async function namesById(database: SqlDatabase): ReturnType<People['namesById']> {
  return {
    partners: namesIn(await database.read(partnerNames)),
    types: namesIn(await database.read(typeNames)),
  };
}
