import { basename } from 'node:path';
import { Command } from 'commander';
import { UserError } from '../errors/user-error.ts';
import { isOutdated } from '../leads/registry-age.ts';
import { BulkEntry } from '../store/objections.ts';
import { type ImportedLines, originName, type SuppressedLeads } from '../store/suppressions.ts';
import { formatDuration } from '../text/duration.ts';
import { formatDate } from '../text/time.ts';
import { defineAction, type Session } from './action.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';
import { describeInvalid, type ImportBar, maxReported, openFile, startImportBar } from './import-file.ts';
import { describeImported, importRegistry, registryOptions } from './registry-import.ts';
import { type SuppressionFile, suppressionBatches } from './suppression-csv.ts';

const importMembers = {
  list: 'name of the list',
  registry: 'name of the registry whose list was imported; null: none',
  date: 'date of the list of the registry; null: none',
  lines: 'number of lines that were read, without the header',
  added: 'number of entries that were not in the list before',
  suppressed_leads: 'number of leads that became `suppressed`',
  withdrawn_leads: 'number of leads that the dialler has or may have, and that are being withdrawn',
  invalid_lines: `numbers of the first ${maxReported} lines that were not imported`,
  invalid: 'number of lines that were not imported',
};

/** `leads suppression import`: enters the numbers in a CSV file. */
export function importCommand(context: CommandContext): Command {
  const command = new Command('import')
    .description(
      'enter the phone numbers in a CSV file (RFC 4180, UTF-8) with a header.\nThe column `mobile` (or `phone`, `number`) is required; `type`, `reason` and `objected_at` (ISO 8601) are optional. The command can be repeated: entries that exist are not changed. Each batch of lines is entered completely or not at all; invalid lines are reported by their numbers, and the others are entered.\nWith --registry, only the column with the number is read, and the list applies once all lines are imported',
    )
    .argument('<file>', 'the CSV file; `-` reads standard input')
    .option('--list <name>', 'name of the list, by which it can be removed', parseListName)
    .option('--reason <text>', 'reason for lines without one');
  for (const option of registryOptions()) command.addOption(option);
  return defineAction(
    command,
    context,
    importMembers,
    (session, options: ImportOptions, [file]: [string]) => {
      const { registry } = options;
      return registry === undefined
        ? importEntries(session, context, options, file)
        : importRegistryFile(session, context, registry, options, file);
    },
  );
}

/** Enters the numbers in a file in the do-not-call list. */
async function importEntries(
  session: Session<keyof typeof importMembers>,
  context: CommandContext,
  options: ImportOptions,
  file: string,
): Promise<void> {
  const { store, parsePhone, output, actor } = session;
  const list = options.list ?? (file === '-' ? 'standard input' : parseListName(basename(file)));
  await store.recordAudit({
    subject: { kind: 'suppression', id: originName({ source: 'import', sourceId: list }) },
    after: { file: basename(file) },
  });
  const { size, stream } = await openFile(file, context);
  const types = new Set(
    (await Array.fromAsync(store.types())).flatMap(({ name, formerNames }) => [name, ...formerNames]),
  );
  const source: SuppressionFile = {
    stream,
    list,
    reason: options.reason,
    types,
    parsePhone,
    now: Date.now(),
  };
  const total = { lines: 0, added: 0, suppressed: 0, withdrawn: 0, invalid: 0 };
  const origin = { list, file: basename(file), operator: actor.operator };
  const invalid = await enter(store, source, origin, total, startImportBar(context.err, size));
  const { lines, added, suppressed, withdrawn } = total;
  await output.done(
    `Entered ${counted(added, 'number', 'numbers')} of ${counted(lines, 'line', 'lines')} in list ${JSON.stringify(list)}; suppressed ${counted(suppressed, 'lead', 'leads')}, and began to withdraw ${withdrawn}.`,
    {
      list,
      registry: null,
      date: null,
      lines,
      added,
      suppressed_leads: suppressed,
      withdrawn_leads: withdrawn,
      invalid_lines: invalid.map(({ line }) => line),
      invalid: total.invalid,
    },
  );
  if (total.invalid > 0) {
    throw new UserError(
      `${describeInvalid(invalid, total.invalid)} Correct them and import the file again; entries that exist are not changed.`,
    );
  }
}

/** Enters the numbers in a file, and adds what was entered to the total. Returns the first of the lines that were not. */
async function enter(
  store: Session<string>['store'],
  source: SuppressionFile,
  origin: Omit<ImportedLines, 'lines'>,
  total: Record<'lines' | 'added' | 'suppressed' | 'withdrawn' | 'invalid', number>,
  bar: ImportBar,
) {
  const invalid: { line: number; problem: string }[] = [];
  const entry = new BulkEntry(store);
  const count = ({ leads, withdrawals }: SuppressedLeads) => {
    total.suppressed += leads.length;
    total.withdrawn += withdrawals.length;
  };
  try {
    for await (const batch of suppressionBatches(source)) {
      const entered = await entry.add(batch.entries, { ...origin, lines: batch.lines });
      count(entered);
      total.lines += batch.lines;
      total.added += entered.added;
      total.invalid += batch.invalid.length;
      invalid.push(...batch.invalid.slice(0, maxReported - invalid.length));
      bar.update(batch.bytes);
    }
  } finally {
    bar.stop();
    count(await entry.end());
  }
  return invalid;
}

/** Options of `leads suppression import`. */
interface ImportOptions {
  list?: string;
  reason?: string;
  registry?: string;
  date?: number;
  maxAge?: number;
  allowShorter?: boolean;
}

/** Imports a file as the list of a registry. @throws {UserError} if `--date` is missing, or lines are invalid */
async function importRegistryFile(
  session: Session<keyof typeof importMembers>,
  context: CommandContext,
  registry: string,
  { date, maxAge, allowShorter: isShorterAllowed = false }: ImportOptions,
  file: string,
): Promise<void> {
  if (date === undefined)
    throw new UserError('Pass the date of the list with --date, such as --date 2026-11-20.');
  const { size, stream } = await openFile(file, context);
  const bar = startImportBar(context.err, size);
  const given = { registry, datedAt: date, maxAge, isShorterAllowed, stream, onProgress: bar.update };
  const result = await importRegistry(session, given).finally(() => bar.stop());
  await session.output.done(describeImported(registry, date, result), {
    list: registry,
    registry,
    date: formatDate(date),
    lines: result.lines,
    added: result.numbers,
    suppressed_leads: 0,
    withdrawn_leads: 0,
    invalid_lines: result.invalid.map(({ line }) => line),
    invalid: result.invalidLines,
  });
  const record = (await session.store.registries()).find(({ name }) => name === registry);
  if (record !== undefined && isOutdated(record, Date.now())) {
    session.note(
      `The list is older than ${formatDuration(record.maxAge)}, so leads of types that require the registry still wait. Import a current list.`,
    );
  }
  if (result.invalidLines > 0) {
    throw new UserError(
      `${describeInvalid(result.invalid, result.invalidLines)} Correct them and import the file again: the list in force does not contain their numbers.`,
    );
  }
}

function parseListName(name: string): string {
  const trimmed = name.trim();
  if (trimmed !== '' && trimmed.length <= 100) return trimmed;
  throw new UserError('The name of a list must have 1 to 100 characters.');
}
