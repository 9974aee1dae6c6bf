import { accessSync, constants, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { diallerVariables } from '../delivery/diallers.ts';
import { screeningVariables } from '../delivery/screening-services.ts';
import { ConfigError } from '../environment/variables.ts';
import { closestName } from '../text/closest-name.ts';
import { configVariables } from './config.ts';

/** The file with variables, in the working directory. */
const file = '.env';

const known: readonly string[] = [
  ...configVariables,
  ...diallerVariables,
  ...screeningVariables,
  'LEADS_OPERATOR',
];

/** Variables that libraries read for this program. */
const ofLibraries = /^(PG|OTEL_|NODE_)/;

/** Variables of PostgreSQL's own programs that this one reads too. */
const ofPostgres: readonly string[] = [
  'PGAPPNAME',
  'PGCONNECT_TIMEOUT',
  'PGDATABASE',
  'PGHOST',
  'PGOPTIONS',
  'PGPASSFILE',
  'PGPASSWORD',
  'PGPORT',
  'PGSERVICE',
  'PGSERVICEFILE',
  'PGSSLMODE',
  'PGSYSCONFDIR',
  'PGUSER',
];

/** Names that other programs give to the variable of the store, too different to be found by their letters. */
const otherNames: Readonly<Record<string, string>> = {
  DB_URL: 'DATABASE_URL',
  PG_URL: 'DATABASE_URL',
  POSTGRES_URL: 'DATABASE_URL',
};

/** Options of Node that name a file with variables, which is read before this program starts. */
const envFileOption = /^--env-file(?:-if-exists)?(?:=(.*))?$/s;

/** A line that sets a variable to a value without quotes. */
const unquoted = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=([^'"`]*)$/;

/** A line that sets a variable to a value that begins with a quote. */
const quoted = /^[^\S\n]*(?:export\s+)?([A-Za-z_]\w*)[^\S\n]*=[^\S\n]*(["'`])/gm;

/**
 * Adds the variables of `.env` in the working directory that are not set to the environment of the process, from which
 * libraries read theirs, and returns it.
 *
 * @throws {ConfigError} naming each variable whose name is probably misspelt, or whose value in `.env`, or in a file that
 *   Node has read (`--env-file`), is cut or contains the next lines: the program would otherwise use a default, or a wrong password
 */
export function readEnvironment(): NodeJS.ProcessEnv {
  const content = readIfExists(file);
  const inFile = Object.entries(parseEnv(content)).filter(([name]) => process.env[name] === undefined);
  const valuesBefore = new Map(Object.entries(process.env));
  const environment = Object.assign(process.env, Object.fromEntries(inFile));
  const problems = [
    ...wrongValues(file, content, new Map(inFile)),
    ...envFiles(process.execArgv).flatMap((path) => wrongValues(path, readable(path), valuesBefore)),
    ...misspeltNames(environment),
  ];
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return environment;
}

/** Returns the content of a file; empty: it does not exist. @throws {ConfigError} if it cannot be read */
function readIfExists(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    if (error.code === 'ENOENT') return '';
    if (error.code === 'EACCES' && !isDirectoryAccessible()) {
      throw new ConfigError(
        `This user has no access to the working directory (EACCES), which may contain a file ${path}. Change to a directory that this user can read, such as that of the store.`,
      );
    }
    throw new ConfigError(
      `The file ${path} in the working directory cannot be read (${error.code}). Make it a file that this user can read, or remove it.`,
    );
  }
}

/** Returns the paths of the files that Node has read. @param options Node's own options of this process */
function envFiles(options: readonly string[]): string[] {
  return options.flatMap((option, index) => {
    const match = envFileOption.exec(option);
    return match === null ? [] : [match[1] ?? options[index + 1] ?? ''];
  });
}

/** Returns the content of a file that Node has read already; empty: it was removed since. */
function readable(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Returns whether this user can open files in the working directory. */
function isDirectoryAccessible(): boolean {
  try {
    accessSync('.', constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Describes the values in a file that are cut or contain the next lines. @param values the values that are used */
function wrongValues(
  path: string,
  content: string,
  values: ReadonlyMap<string, string | undefined>,
): string[] {
  return [...unclosedQuotes(path, content, values), ...cutValues(path, content, values)];
}

/**
 * Describes each value whose quote is not closed, or whose quote is closed by the first quote of a later value: a value
 * of several lines ends at the end of a line.
 */
function unclosedQuotes(
  path: string,
  content: string,
  values: ReadonlyMap<string, string | undefined>,
): string[] {
  const parsed = parseEnv(content);
  const problems: string[] = [];
  for (const match of content.matchAll(quoted)) {
    const [text, name = '', quote = ''] = match;
    const start = match.index + text.length;
    const end = content.indexOf(quote, start);
    const isClosed = end !== -1 && (!content.slice(start, end).includes('\n') || isLineEnd(content, end + 1));
    // The value differs if the line is part of a quoted value, or a later line sets the variable too.
    if (isClosed || !isOurs(name) || values.get(name) === undefined || values.get(name) !== parsed[name])
      continue;
    const line = content.slice(0, start).split('\n').length;
    const inQuotes = quote === '"' ? 'single' : 'double';
    problems.push(
      `Line ${line} of ${path}: the value of ${name} begins with a quote (${quote}) that is not closed on its line. Close it; if ${quote} is part of the value, write the value in ${inQuotes} quotes.`,
    );
  }
  return problems;
}

/** Returns whether nothing but a comment follows on a line. */
function isLineEnd(content: string, index: number): boolean {
  const rest = content.slice(index).split('\n', 1)[0]?.trim() ?? '';
  return rest === '' || rest.startsWith('#');
}

/** Returns whether this program or one of its libraries reads a variable. */
function isOurs(name: string): boolean {
  return known.includes(name) || ofLibraries.test(name);
}

/**
 * Describes each value that ends at an unquoted `#`, which starts a comment. After a space, it is one in every program;
 * within a word, such as a password, it is probably part of the value.
 *
 * @param values the values that are used
 */
function cutValues(path: string, content: string, values: ReadonlyMap<string, string | undefined>): string[] {
  return content.split('\n').flatMap((line, index) => {
    const [, name = '', text = ''] = unquoted.exec(line) ?? [];
    const [before = '', rest] = text.split('#', 2);
    // The value differs if the line is part of a quoted value of several lines, or a later line sets the variable too.
    const isCut = rest !== undefined && !/\s$/.test(before) && values.get(name) === before.trim();
    if (!isCut || !isOurs(name)) return [];
    return `Line ${index + 1} of ${path}: the value of ${name} is cut at an unquoted "#". Write the value in quotes; or, if a comment starts there, put a space before "#".`;
  });
}

/** Describes each variable whose name resembles one that is not set. */
function misspeltNames(environment: NodeJS.ProcessEnv): string[] {
  const isMissing = (name: string) => environment[name] === undefined;
  const missing = known.filter(isMissing);
  const missingOfPostgres = ofPostgres.filter(isMissing);
  return Object.keys(environment).flatMap((name) => {
    if (known.includes(name) || ofPostgres.includes(name)) return [];
    const otherName = otherNames[name.toUpperCase()];
    // `USER` and others resemble PostgreSQL's variables.
    const names = name.startsWith('PG') ? missingOfPostgres : missing;
    const meant =
      otherName !== undefined && isMissing(otherName) ? otherName : closestName(name, names, maxDistance);
    return meant === undefined
      ? []
      : `${name} is not a variable of this program. Did you mean ${meant}? If ${name} belongs to another program, set ${meant} too.`;
  });
}

/** Short names resemble those of other programs. */
function maxDistance(name: string): number {
  return name.length < 6 ? 1 : 2;
}
