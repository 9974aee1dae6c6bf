import { Command, Option } from 'commander';
import {
  type AuditEntry,
  type AuditKind,
  type AuditSubject,
  type AuditValues,
  auditKinds,
} from '../store/audit.ts';
import { formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { limitOption, parseTime, wideOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import type { View } from './output.ts';
import type { Cell } from './table.ts';

const members = {
  id: 'number of the entry',
  at: 'when the change was made (ISO 8601)',
  operator: 'LEADS_OPERATOR, or the operating-system user',
  host: 'name of the machine',
  command: 'the command without its arguments',
  subject_kind: `what was changed: ${auditKinds.map((kind) => `\`${kind}\``).join(', ')}`,
  subject_id: 'its name or id; null: the store as a whole, or several things',
  before: 'values that the change replaced; null: there was nothing, or they are not recorded',
  after: 'values that it set; null: nothing is left, or they are not recorded',
};

const view: View<AuditEntry, keyof typeof members> = {
  columns: {
    TIME: ({ at }) => ({ time: at }),
    OPERATOR: ({ operator }) => operator,
    HOST: ({ host }) => host,
    COMMAND: ({ command }) => command,
    SUBJECT: ({ subject }) => describeSubject(subject),
    CHANGE: describeChange,
  },
  narrow: ['TIME', 'OPERATOR', 'COMMAND', 'SUBJECT', 'CHANGE'],
  json: ({ id, at, operator, host, command, subject, before, after }) => ({
    id,
    at: formatTime(at),
    operator,
    host,
    command,
    subject_kind: subject.kind,
    subject_id: subject.id,
    before,
    after,
  }),
};

/** Number of characters by which a person is recognised in a terminal: those of a digest would fill three lines. */
const shownOfDigest = 8;

function describeSubject({ kind, id }: AuditSubject): Cell {
  const text = id === null ? kind : `${kind} ${id}`;
  if (kind !== 'person' || id === null || id.length <= shownOfDigest) return text;
  return { text, short: `${kind} ${id.slice(0, shownOfDigest)}...` };
}

/** Describes each member that has changed, such as `recontact_after: null → 7776000`. */
function describeChange({ before, after }: AuditEntry): string {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  const isChanged = (name: string) =>
    before === null || after === null || JSON.stringify(before[name]) !== JSON.stringify(after[name]);
  return [...names]
    .filter(isChanged)
    .map((name) => `${name}: ${describeValues(name, before, after)}`)
    .join(', ');
}

function describeValues(name: string, before: AuditValues | null, after: AuditValues | null): string {
  return [before, after]
    .flatMap((values) => (values !== null && name in values ? describeValue(values[name]) : []))
    .join(' → ');
}

function describeValue(value: AuditValues[string] | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** `leads audit`: the changes that operators have made. */
export function auditCommand(context: CommandContext): Command {
  return new Command('audit')
    .description('the changes that operators have made, which are never altered')
    .addCommand(listCommand(context));
}

interface ListOptions {
  operator?: string;
  command?: string;
  kind?: AuditKind;
  subject?: string;
  from?: number;
  to?: number;
  limit?: number;
}

function listCommand(context: CommandContext): Command {
  const command = new Command('list')
    .description(
      'list changes by operators, newest first: who, when, with which command, what, and the values before and after.\nContains no personal data of the people who are called',
    )
    .option('--operator <name>', 'only changes by this operator')
    .option(
      '--command <words>',
      'only changes with this command, or with all that begin with it, such as `partner`',
    )
    .addOption(new Option('--kind <kind>', 'only changes of such things').choices(auditKinds))
    .option('--subject <id>', 'only changes of the thing with this name or id')
    .option(
      '--from <time>',
      'only changes at or after this time (UTC), or in the last duration, such as 30d',
      parseTime,
    )
    .option('--to <time>', 'only changes before this time (UTC)', parseTime)
    .addOption(limitOption())
    .addOption(wideOption());
  return defineAction(command, context, members, async ({ store, output }, options: ListOptions) => {
    const { subject, to, limit, ...filter } = options;
    const rows = output.limit(limit);
    const entries = store.auditEntries(
      {
        ...filter,
        ...(subject !== undefined && { subjectId: subject }),
        ...(to !== undefined && { before: to }),
      },
      rows,
    );
    await output.list(entries, view, 'No changes by operators are recorded.', rows);
  });
}
