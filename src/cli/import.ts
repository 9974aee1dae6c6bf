import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { Command, Option } from 'commander';
import type { LeadImport } from '../app/lead-import.ts';
import { UserError } from '../errors/user-error.ts';
import type { PartnerRecord } from '../store/partners.ts';
import { userErrors } from '../store/user-errors.ts';
import { shellWord } from '../text/shell.ts';
import { defineAction, type Session } from './action.ts';
import { ColumnMap, parseMap, parseSet } from './column-map.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';
import { findPartner } from './find-partner.ts';
import { describeInvalid, maxReported, openFile, startImportBar } from './import-file.ts';
import {
  formatOf,
  type LeadFile,
  type LeadFormat,
  type LeadLine,
  leadFormats,
  readLeadFile,
} from './lead-lines.ts';
import { RejectedLines } from './rejected-lines.ts';

/** Number of lines that are added in one transaction: as many as a partner can send in one request. */
const batchSize = 500;

/** Outcome of a line that is not sent, because it cannot be read. */
const unreadable = 'unreadable';

const importMembers = {
  partner: 'name of the partner',
  file: 'name of the file',
  dry_run: 'whether nothing was saved',
  lines: 'number of lines that were read, without the header',
  outcomes: `object with the number of lines by outcome: a value of the header \`Lead-Outcome\`, or \`${unreadable}\``,
  replayed: 'number of lines that an earlier run had imported, which are in `outcomes` too',
  rejected: 'number of lines that were rejected',
  rejected_file: 'path of the file with the rejected lines; null: none was rejected',
};

type ImportSession = Session<keyof typeof importMembers>;

interface ImportOptions {
  partner: string;
  map: Map<string, string>;
  set: Map<string, string>;
  ignoreColumns?: true;
  format?: LeadFormat;
  dryRun?: true;
}

/** `leads import`: adds the leads in a file. */
export function importLeadsCommand(context: CommandContext): Command {
  const command = new Command('import')
    .summary("add the leads in a file as a partner's")
    .description(
      "add the leads in a CSV file (RFC 4180, UTF-8) with a header, or in an NDJSON file with a JSON object per line, by the rules of the partner's own requests, except for its rate limit.\nThe columns are the fields of POST /lead/add. If the command is interrupted, run it again with the same file and options within 24 hours: it continues, and adds no lead twice. Rejected lines are written to FILE.rejected.csv with the reason in the column `import_error`: correct them and import that file, which ignores the column. The file contains personal data",
    )
    .argument('<file>', 'the CSV or NDJSON file; `-` reads standard input')
    .requiredOption('--partner <name>', 'the partner whose leads they are')
    .addOption(
      new Option(
        '--map <fields>',
        'columns of fields, such as \'mobile=Phone,first_name="First name"\'; can be repeated',
      )
        .argParser(parseMap)
        .default(new Map(), 'the column with the name of the field'),
    )
    .addOption(
      new Option(
        '--set <field=value>',
        'value of a field that is blank in a line, such as type=motor-trade; can be repeated',
      )
        .argParser(parseSet)
        .default(new Map(), 'none'),
    )
    .option('--ignore-columns', 'leave out columns that are not fields, instead of refusing the file')
    .addOption(
      new Option('--format <format>', 'format of the file')
        .choices(leadFormats)
        .default(undefined, 'ndjson if its name ends with .ndjson or .jsonl, otherwise csv'),
    )
    .option('--dry-run', 'validate the lines and write the file of rejected lines, but save nothing');
  return defineAction(command, context, importMembers, (session, options: ImportOptions, [file]: [string]) =>
    importLeads(session, context, options, file),
  );
}

/** What an import has done so far. */
interface Totals {
  lines: number;
  replayed: number;
  rejected: number;
  outcomes: Record<string, number>;
  /** The first of the rejected lines. */
  problems: { line: number; problem: string }[];
}

/** An import in progress. */
interface ImportJob {
  session: ImportSession;
  options: ImportOptions;
  leads: LeadImport;
  columns: ColumnMap;
  rejected: RejectedLines;
  totals: Totals;
}

async function importLeads(
  session: ImportSession,
  context: CommandContext,
  options: ImportOptions,
  file: string,
): Promise<void> {
  const { store, note } = session;
  await activePartner(session, options.partner);
  const { size, stream } = await openFile(file, context);
  // Loaded here, because no other command needs the validation of requests.
  const { startLeadImport } = await import('../app/lead-import.ts');
  const leads = await startLeadImport(store, session, { warn: (_, message) => note(message) });
  try {
    const { map, set, ignoreColumns = false, format = formatOf(file) } = options;
    const columns = new ColumnMap(leads.fields, { map, set, ignoreColumns });
    const source = await readLeadFile(stream, format);
    columns.check(source.columns, source.hasHeader);
    const rejected = new RejectedLines(file, format, source.header);
    const totals: Totals = { lines: 0, replayed: 0, rejected: 0, outcomes: {}, problems: [] };
    const job = { session, options, leads, columns, rejected, totals };
    await recorded(job, file, () => untilInterrupted(job, stream, () => addAll(job, source, context, size)));
    await report(job, file);
  } finally {
    stream.destroy();
    await leads.stop();
  }
}

/** Runs an import, and records its start and its end in the audit log, unless it saves nothing. */
async function recorded(
  { session, options, totals }: ImportJob,
  file: string,
  run: () => Promise<void>,
): Promise<void> {
  if (options.dryRun) return run();
  const { store, note } = session;
  const subject = { kind: 'partner', id: options.partner } as const;
  const imported = { import: basename(file) };
  // A killed process leaves only this entry.
  await store.recordAudit({ subject, after: { ...imported, state: 'started' } });
  let state = 'interrupted';
  try {
    await run();
    state = 'complete';
  } finally {
    const { lines, rejected, outcomes } = totals;
    if (state === 'interrupted' && lines > 0) {
      note(
        `The first ${counted(lines, 'line is', 'lines are')} imported. Run the command again with the same file and options to continue.`,
      );
    }
    await store.recordAudit({ subject, after: { ...imported, state, lines, rejected, ...outcomes } });
  }
}

/** The operator has interrupted the import. */
class Interrupted extends UserError {}

/**
 * Runs an import, which Ctrl-C and SIGTERM end after the batch in progress. A second one ends the process at once.
 *
 * @param stream the file
 */
async function untilInterrupted(
  { rejected }: ImportJob,
  stream: Readable,
  run: () => Promise<void>,
): Promise<void> {
  const stop = () => void stream.destroy(new Interrupted('The import was interrupted.'));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    await run();
  } catch (error) {
    // Otherwise it would look complete. The next run writes its lines again.
    if (error instanceof Interrupted) await rejected.remove();
    throw error;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

async function addAll(
  job: ImportJob,
  { lines }: LeadFile,
  { err }: CommandContext,
  size: number,
): Promise<void> {
  const bar = startImportBar(err, size);
  try {
    let batch: LeadLine[] = [];
    for await (const line of lines) {
      batch.push(line);
      if (batch.length < batchSize) continue;
      await addBatch(job, batch);
      bar.update(line.bytes);
      batch = [];
    }
    if (batch.length > 0) await addBatch(job, batch);
    bar.update(batch.at(-1)?.bytes ?? size);
  } finally {
    bar.stop();
    await job.rejected.close();
  }
}

/** Adds the leads of some lines, and writes those that were rejected to their file. */
async function addBatch(
  { session, options, leads, columns, rejected, totals }: ImportJob,
  batch: readonly LeadLine[],
): Promise<void> {
  // Read again for each batch: the partner may have been suspended, or its quota changed.
  const { id, name, dailyQuota, maxPriority } = await activePartner(session, options.partner);
  const rows = batch.flatMap(({ line, values }) =>
    typeof values === 'string' ? [] : [{ ...columns.fieldsOf(values), ref: String(line) }],
  );
  const sender = { partner: { id, name }, dailyQuota, maxPriority };
  const added = await leads.add(sender, rows, options.dryRun === true);
  const results = added.rows.values();
  const lines: string[] = [];
  for (const { line, values, withError } of batch) {
    const result = typeof values === 'string' ? undefined : results.next().value;
    const { outcome, problem, isRejected } = result ?? {
      outcome: unreadable,
      problem: String(values),
      isRejected: true,
    };
    totals.outcomes[outcome] = (totals.outcomes[outcome] ?? 0) + 1;
    if (!isRejected) continue;
    const reason = problem ?? outcome;
    lines.push(withError(reason));
    totals.rejected += 1;
    if (totals.problems.length < maxReported) totals.problems.push({ line, problem: reason });
  }
  await rejected.add(lines);
  totals.lines += batch.length;
  totals.replayed += added.replayed;
}

async function report({ session, options, rejected, totals }: ImportJob, file: string): Promise<void> {
  const { lines, replayed, outcomes, problems } = totals;
  const counts = Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome}`);
  const read = `Read ${counted(lines, 'line', 'lines')}${counts.length > 0 ? `: ${counts.join(', ')}` : ''}.`;
  const before =
    replayed > 0 ? ` An earlier run had imported ${counted(replayed, 'of the lines', 'of them')}.` : '';
  const path = rejected.path ?? null;
  await session.output.done(`${read}${before}${options.dryRun ? ' Nothing was saved (--dry-run).' : ''}`, {
    partner: options.partner,
    file: basename(file),
    dry_run: options.dryRun ?? false,
    lines,
    outcomes,
    replayed,
    rejected: totals.rejected,
    rejected_file: path,
  });
  if (path === null) return;
  throw new UserError(
    `${describeInvalid(problems, totals.rejected)} Correct ${totals.rejected === 1 ? 'it' : 'them'} in ${shellWord(path)}, and import that file with the same options.`,
  );
}

/** Returns a partner whose requests are accepted. @throws {UserError} if it does not exist, is suspended or deleted */
async function activePartner({ store }: Pick<ImportSession, 'store'>, name: string): Promise<PartnerRecord> {
  const partner = await findPartner(store, name);
  if (partner.deletedAt !== null) throw userErrors.partnerDeleted(name, partner.deletedAt);
  if (partner.suspendedAt === null) return partner;
  throw new UserError(
    `Partner ${JSON.stringify(name)} is suspended, so its leads are not accepted. Run \`leads partner resume ${shellWord(name)}\` first.`,
  );
}
