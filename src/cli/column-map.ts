import { UserError } from '../errors/user-error.ts';
import { closestName, typingDistance } from '../text/closest-name.ts';
import { shellWord } from '../text/shell.ts';
import { isBlank } from '../text/visible.ts';

/** The column of a file of rejected lines that states why a line was rejected. */
export const errorColumn = 'import_error';

/** One `field=value` of a list, whose value may be in quotation marks. */
const pair = /\s*([^=,]+?)\s*=\s*("(?:[^"]|"")*"|[^,]*?)\s*(?:,|$)/y;

/**
 * Parses `--map`, such as `mobile=Phone,first_name="First name"`, and adds it to the earlier ones.
 *
 * @throws {UserError} if it has another form, or names a field twice
 */
export function parseMap(text: string, previous: ReadonlyMap<string, string>): Map<string, string> {
  const map = new Map(previous);
  for (let position = 0; position < text.length; position = pair.lastIndex) {
    pair.lastIndex = position;
    const [, field = '', column = ''] = pair.exec(text) ?? [];
    if (field === '' || column === '') {
      throw new UserError(
        `${JSON.stringify(text)} does not map columns to fields. Pass FIELD=COLUMN, such as --map 'mobile=Phone,first_name="First name"'.`,
      );
    }
    addTo(map, field, column.startsWith('"') ? column.slice(1, -1).replaceAll('""', '"') : column);
  }
  return map;
}

/**
 * Parses `--set`, such as `type=motor-trade`, and adds it to the earlier ones.
 *
 * @throws {UserError} if it has another form, or names a field twice
 */
export function parseSet(text: string, previous: ReadonlyMap<string, string>): Map<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1 || equals === text.length - 1) {
    throw new UserError(
      `${JSON.stringify(text)} does not set a field. Pass FIELD=VALUE, such as --set type=motor-trade.`,
    );
  }
  return addTo(new Map(previous), text.slice(0, equals).trim(), text.slice(equals + 1).trim());
}

function addTo(map: Map<string, string>, field: string, value: string): Map<string, string> {
  if (map.has(field)) throw new UserError(`The field ${JSON.stringify(field)} is given twice.`);
  return map.set(field, value);
}

/** Fields by other usual names of their columns, in lower case. */
const usualNames: Readonly<Record<string, string>> = {
  phone: 'mobile',
  phone_number: 'mobile',
  telephone: 'mobile',
  last_name: 'surname',
  forename: 'first_name',
};

/** How the columns of a file become the fields of leads. */
export interface ColumnOptions {
  /** Names of columns by field. */
  map: ReadonlyMap<string, string>;
  /** Values of fields that a line leaves blank. */
  set: ReadonlyMap<string, string>;
  /** Whether other columns than fields are left out. */
  ignoreColumns: boolean;
}

/** Converts the lines of a file to leads. */
export class ColumnMap {
  readonly #fields: ReadonlySet<string>;
  readonly #options: ColumnOptions;
  readonly #fieldOf: ReadonlyMap<string, string>;

  /** @param fields names of the fields of a lead @throws {UserError} if an option names another one */
  constructor(fields: readonly string[], options: ColumnOptions) {
    for (const field of [...options.map.keys(), ...options.set.keys()]) {
      if (fields.includes(field)) continue;
      const suggestion = closestName(field, fields, undefined, typingDistance);
      const meant = suggestion === undefined ? '' : ` Did you mean ${JSON.stringify(suggestion)}?`;
      throw new UserError(
        `A lead has no field ${JSON.stringify(field)}.${meant} The fields are ${fields.join(', ')}.`,
      );
    }
    this.#fields = new Set(fields);
    this.#options = options;
    this.#fieldOf = new Map([...options.map].map(([field, column]) => [column, field]));
  }

  /**
   * Checks the columns of a file.
   *
   * @param isComplete whether these are the columns of all lines
   * @throws {UserError} if one is unknown, missing or there twice
   */
  check(columns: readonly string[], isComplete: boolean): void {
    const twice = columns.find((column, index) => column !== '' && columns.indexOf(column) !== index);
    if (twice !== undefined) {
      throw new UserError(`The column ${JSON.stringify(twice)} occurs twice. Nothing was imported.`);
    }
    for (const [field, column] of this.#options.map) {
      if (!isComplete || columns.includes(column)) continue;
      const shown = columns.map((each) => JSON.stringify(each)).join(', ');
      throw new UserError(
        `The file has no column ${JSON.stringify(column)} for the field ${JSON.stringify(field)}. Its columns are ${shown}. Nothing was imported.`,
      );
    }
    const unknown = columns.filter((column) => column !== errorColumn && this.#read(column) === undefined);
    if (unknown.length > 0 && !this.#options.ignoreColumns) throw this.#unknownColumns(unknown);
  }

  /** Returns the fields of a lead. Blank values are left out. @param values those of the columns */
  fieldsOf(values: readonly (readonly [column: string, value: unknown])[]): Record<string, unknown> {
    const fields = values.flatMap(([column, value]) => {
      if (isBlank(value) || column === errorColumn) return [];
      const field = this.#read(column) ?? (this.#options.ignoreColumns ? undefined : column);
      return field === undefined ? [] : [[field, value] as const];
    });
    // From entries, so that `__proto__` is a field like any other.
    return Object.fromEntries([...this.#options.set, ...fields]);
  }

  /** Returns the field of a column; undefined: none. A field with its own column (`--map`) has no other. */
  #read(column: string): string | undefined {
    const mapped = this.#fieldOf.get(column);
    if (mapped !== undefined) return mapped;
    return this.#fields.has(column) && !this.#options.map.has(column) ? column : undefined;
  }

  #unknownColumns(unknown: readonly string[]): UserError {
    const free = [...this.#fields].filter((field) => !this.#options.map.has(field));
    const described = unknown.map((column) => {
      const name = column.toLowerCase().replaceAll(/[\s-]+/g, '_');
      const usual = Object.hasOwn(usualNames, name) ? usualNames[name] : undefined;
      const field = closestName(usual ?? name, free, undefined, typingDistance);
      const option = field && ` (perhaps --map ${shellWord(`${field}=${quotedColumn(column)}`)})`;
      return `${JSON.stringify(column)}${option ?? ''}`;
    });
    const [are, these] =
      unknown.length === 1 ? ['This column is not a field', 'it'] : ['These columns are not fields', 'them'];
    return new UserError(
      `${are} of a lead: ${described.join(', ')}. Map ${these} with --map, or leave ${these} out with --ignore-columns. Nothing was imported.`,
    );
  }
}

/** Writes the name of a column for `--map`. */
function quotedColumn(column: string): string {
  return /[",]|^\s|\s$/.test(column) ? `"${column.replaceAll('"', '""')}"` : column;
}
