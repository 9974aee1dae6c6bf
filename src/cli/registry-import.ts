import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import { stepDelay } from '../store/steps.ts';
import { parseDuration } from '../text/duration.ts';
import { formatDate } from '../text/time.ts';
import type { Session } from './action.ts';
import { counted } from './counted.ts';
import { maxReported } from './import-file.ts';
import { numberBatches } from './number-csv.ts';
import { reconsiderScreened } from './reconsider-screened.ts';
import { parseRegistryName } from './screening-options.ts';

const day = 86_400_000;

/** Share of the size of the list in force below which a new list is probably incomplete. */
const suspiciousShare = 0.8;

/** A file with the list of a registry. */
export interface RegistryFile {
  registry: string;
  /** Date of the list (ms since 1970). */
  datedAt: number;
  /** Maximum age of its lists (ms); undefined: it is not changed. */
  maxAge: number | undefined;
  /** Whether it may be much shorter than the list in force. */
  isShorterAllowed: boolean;
  stream: Readable;
  /** Called with the number of bytes that have been read. */
  onProgress(bytes: number): void;
}

/** What an import has done. */
export interface ImportedRegistry {
  lines: number;
  numbers: number;
  invalid: { line: number; problem: string }[];
  /** Number of invalid lines. */
  invalidLines: number;
  /** Date of the list that was replaced (ms since 1970); null: there was none. */
  replacedDate: number | null;
}

/**
 * Imports the list of a registry. The earlier list is in force until every line is imported, and its numbers are
 * removed afterwards.
 *
 * @throws {UserError} if the file contains no number or suspiciously few, or the list in force is newer
 */
export async function importRegistry(
  session: Pick<Session<string>, 'store' | 'parsePhone' | 'note' | 'actor'>,
  { registry, datedAt, maxAge, isShorterAllowed, stream, onProgress }: RegistryFile,
): Promise<ImportedRegistry> {
  const { store, parsePhone } = session;
  // Other columns have the meaning that the registry gives them, even if they are named as in other imports.
  const source = {
    stream,
    parsePhone,
    entryOf: (mobile: string) => ({ mobile }),
    ifBroken: `The list of registry ${JSON.stringify(registry)} is not replaced.`,
  };
  const id = await store.beginRegistryList(registry, datedAt, maxAge);
  const result: ImportedRegistry = { lines: 0, numbers: 0, invalid: [], invalidLines: 0, replacedDate: null };
  for await (const { entries, invalid, lines, bytes } of numberBatches(source)) {
    result.numbers += await store.addToRegistryList(
      id,
      entries.map(({ mobile }) => mobile),
    );
    result.lines += lines;
    result.invalidLines += invalid.length;
    result.invalid.push(...invalid.slice(0, maxReported - result.invalid.length));
    onProgress(bytes);
  }
  if (result.numbers === 0) {
    throw new UserError(
      `The file contains no valid number, so the list of registry ${JSON.stringify(registry)} is not replaced.`,
    );
  }
  if (!isShorterAllowed) await refuseShorter(store, registry, result.numbers);
  ({ replacedDate: result.replacedDate } = await store.completeRegistryList(id, session.actor.operator));
  for (let after: string | undefined = ''; after !== undefined; ) {
    ({ next: after } = await store.removeReplacedNumbers(after));
    if (after !== undefined) await sleep(stepDelay);
  }
  await reconsiderScreened(session);
  return result;
}

/** @throws {UserError} if a list is much shorter than the list in force: the file may have been cut off */
async function refuseShorter(
  store: Session<string>['store'],
  registry: string,
  numbers: number,
): Promise<void> {
  const size = (await store.registries()).find(({ name }) => name === registry)?.size ?? 0;
  if (numbers >= suspiciousShare * size) return;
  throw new UserError(
    `The file contains ${counted(numbers, 'valid number', 'valid numbers')}, and the list of registry ${JSON.stringify(registry)} in force has ${size}, so it is not replaced. If the file is complete, import it again with --allow-shorter.`,
  );
}

/** Describes an import in a sentence. */
export function describeImported(registry: string, datedAt: number, result: ImportedRegistry): string {
  const { numbers, lines, replacedDate } = result;
  const replaced = replacedDate === null ? '' : ` It replaces the list of ${formatDate(replacedDate)}.`;
  return `The list of registry ${JSON.stringify(registry)} of ${formatDate(datedAt)} is in force, with ${counted(numbers, 'number', 'numbers')} of ${counted(lines, 'line', 'lines')}.${replaced}`;
}

/** Reads the date of a list. @throws {UserError} if it is not a day, or in the future */
function parseListDate(value: string): number {
  const date = Date.parse(`${value}T00:00:00Z`);
  const isDay = /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(date) && formatDate(date) === value;
  // It may be the next day already in the registry's time zone.
  if (isDay && date <= Date.now() + day) return date;
  throw new UserError(
    `${JSON.stringify(value)} is not the date of a list. Use a past day, such as 2026-11-20.`,
  );
}

/** Returns the options with which an imported file is the list of a registry. */
export function registryOptions(): Option[] {
  return [
    new Option(
      '--registry <name>',
      'the file is the complete list of a registry, such as tps: once all its lines are imported, it replaces the earlier list. It applies to lead types that require the registry',
    )
      .argParser(parseRegistryName)
      .conflicts(['list', 'reason']),
    new Option('--date <day>', 'with --registry: date of the list').argParser(parseListDate),
    new Option(
      '--max-age <duration>',
      'with --registry: age from which its list stops the delivery of types that require it',
    )
      .argParser(parseDuration)
      .default(undefined, '28d for tps and ctps, 31d for others'),
    new Option(
      '--allow-shorter',
      `with --registry: also replace the list if the file has less than ${100 * suspiciousShare} % of its numbers`,
    ),
  ];
}
