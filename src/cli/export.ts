import { Command, Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import { submittedFields } from '../leads/submitted-fields.ts';
import type { ExportFilter } from '../store/exports.ts';
import type { SubmissionRecord } from '../store/records.ts';
import { defineAction, type Session } from './action.ts';
import { parseTime } from './arguments.ts';
import type { CommandContext } from './context.ts';
import { leadMembers, leadView } from './lead-view.ts';
import type { JsonMembers, RecordView } from './output.ts';
import { submissionMembers, submissionView } from './submission.ts';

const exportedSubmissionMembers = {
  ...submissionMembers,
  email: 'e-mail address, as sent',
  first_name: 'first name, as sent',
  surname: 'surname, as sent',
};

/** How a submission is exported: with the fields that people look for in a spreadsheet. */
const exportedSubmissionView: RecordView<SubmissionRecord, keyof typeof exportedSubmissionMembers> = {
  json: (submission) => {
    const { email, firstName, surname } = submittedFields(submission.content);
    return { ...submissionView.json(submission), email, first_name: firstName, surname };
  },
};

/** `leads export`: writes records to standard output, for spreadsheets and other programs. */
export function exportCommand(context: CommandContext): Command {
  return new Command('export')
    .description(
      'write leads or submissions to standard output, oldest first.\nThe output contains personal data: phone numbers, and in submissions everything that partners sent',
    )
    .addCommand(leadsCommand(context))
    .addCommand(submissionsCommand(context));
}

interface ExportOptions {
  from?: number;
  to?: number;
  partner?: string;
  type?: string;
  csv?: true;
}

function leadsCommand(context: CommandContext): Command {
  const command = exporting('leads', 'accepted').option('--type <name>', 'only leads of this type');
  return defineAction(command, context, leadMembers, (session, options: ExportOptions) =>
    write(session, options, session.store.exportLeads(filterOf(options)), leadView, leadMembers),
  );
}

function submissionsCommand(context: CommandContext): Command {
  const command = exporting('submissions', 'received').option(
    '--type <name>',
    'only submissions of this type, sent under any of its names',
  );
  return defineAction(command, context, exportedSubmissionMembers, (session, options: ExportOptions) =>
    write(
      session,
      options,
      session.store.exportSubmissions(filterOf(options)),
      exportedSubmissionView,
      exportedSubmissionMembers,
    ),
  );
}

/**
 * Creates an export subcommand with the options that leads and submissions share.
 *
 * @param when what the time of a record means
 */
function exporting(records: 'leads' | 'submissions', when: string): Command {
  return new Command(records)
    .summary(`write ${records} as JSON or CSV`)
    .description(
      `write ${records} as JSON, one object per line, or as CSV. The output contains personal data.\nIn CSV, the members of the JSON output are the columns, null is an empty cell, and a list or an object is JSON. A text that a spreadsheet would interpret as a formula begins with an apostrophe`,
    )
    .addOption(new Option('--csv', 'print CSV (RFC 4180, UTF-8) with a header').conflicts('json'))
    .addOption(
      new Option(
        '--from <time>',
        `only ${records} ${when} at this time (UTC) or later, such as 2026-11-01, 2026-11-01T09:00:00Z, or 30d (30 days ago)`,
      ).argParser(parseTime),
    )
    .addOption(
      new Option('--to <time>', `only ${records} ${when} before this time (UTC)`).argParser(parseTime),
    )
    .option('--partner <name>', `only ${records} of this partner`);
}

/** Returns the filter that the options describe. @throws {UserError} if nothing can match it */
function filterOf({ from, to, partner, type }: ExportOptions): ExportFilter {
  if (from !== undefined && to !== undefined && from >= to) {
    throw new UserError('--from must be earlier than --to. Nothing was exported.');
  }
  return {
    ...(from !== undefined && { from }),
    ...(to !== undefined && { before: to }),
    ...(partner !== undefined && { partner }),
    ...(type !== undefined && { type }),
  };
}

async function write<Row, Member extends string>(
  { output, note }: Session<Member>,
  { csv }: ExportOptions,
  rows: AsyncIterable<Row>,
  view: RecordView<Row, Member>,
  members: JsonMembers<Member>,
): Promise<void> {
  const count = csv ? await output.csv(rows, view, members) : await output.jsonLines(rows, view);
  if (count === 0) note('There are no matching records.');
}
