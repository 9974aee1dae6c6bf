import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';

const sqliteScheme = 'sqlite:';
const postgresScheme = /^postgres(ql)?:\/\//;

/** Returns whether a URL is that of a store. */
export function isStoreUrl(url: string): boolean {
  if (url.startsWith(sqliteScheme)) return url.length > sqliteScheme.length;
  return isPostgres(url) && url.replace(postgresScheme, '') !== '' && canParse(url);
}

/** Returns whether a URL is that of a store in PostgreSQL. */
export function isPostgres(url: string): boolean {
  return postgresScheme.test(url);
}

/** Returns whether a URL is that of an in-memory store. */
export function isInMemory(url: string): boolean {
  return url === `${sqliteScheme}:memory:`;
}

/** Returns whether two URLs are equal, or lead to the same SQLite file. */
export function isSameStore(one: string, other: string): boolean {
  return one === other || (!isPostgres(one) && !isPostgres(other) && fileOf(one) === fileOf(other));
}

/** Returns the path in the URL of an SQLite store, as it is: a file or `:memory:`. */
export function sqlitePathOf(url: string): string {
  return url.slice(sqliteScheme.length);
}

/** Returns the absolute path of an SQLite file, with symbolic links resolved. */
export function fileOf(url: string): string {
  const file = resolve(sqlitePathOf(url));
  return existsSync(file) ? realpathSync(file) : file;
}

/** Returns the absolute path of the file of an SQLite store; undefined: it is in memory, or in PostgreSQL. */
export function fileOfUrl(url: string): string | undefined {
  return isPostgres(url) || isInMemory(url) ? undefined : fileOf(url);
}

/** Returns a store's URL without a password, for messages and logs. */
export function redactedUrl(url: string): string {
  if (!url.includes('//')) return url;
  // If a URL cannot be parsed, any part of it may be the password.
  if (!canParse(url)) return `${url.slice(0, url.indexOf('//'))}//...`;
  const redacted = new URL(url);
  if (redacted.password !== '') redacted.password = '***';
  for (const name of passwordParameters(redacted)) redacted.searchParams.delete(name);
  return redacted.href;
}

/** Returns whether a URL contains a password, or may contain one because it cannot be parsed. */
export function hasPassword(url: string): boolean {
  if (!url.includes('//')) return false;
  if (!canParse(url)) return /@|password/i.test(url);
  const parsed = new URL(url);
  return parsed.password !== '' || passwordParameters(parsed).length > 0;
}

/** Returns the names of parameters that contain a password: `password` and `sslpassword`. */
function passwordParameters({ searchParams }: URL): string[] {
  return [...searchParams.keys()].filter((name) => /password$/i.test(name));
}

/** Returns whether all parts of a URL are known. `#` is part of a password that is not encoded. */
function canParse(url: string): boolean {
  return !url.includes('#') && URL.canParse(url);
}
