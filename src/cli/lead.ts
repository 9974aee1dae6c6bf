import { Command, Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import { type LeadState, leadStates } from '../leads/lead.ts';
import type { Attempt, LeadRecord } from '../store/store.ts';
import { defineAction } from './action.ts';
import { limitOption } from './arguments.ts';
import {
  cancellationView,
  printRelatedCancellations,
  relatedCancellationJson,
  relatedCancellationsMember,
} from './cancellation.ts';
import type { CommandContext } from './context.ts';
import type { Output, View } from './output.ts';
import { processIds } from './process-ids.ts';
import { submissionView } from './submission.ts';
import { formatTime, type TableView, timeOr } from './table.ts';

const members = {
  id: 'id of the lead',
  state: '`scheduled`, `dialled`, `cancelled`, `failed` or `expired`',
  undecided: 'whether it failed and may have reached the dialler (see `leads lead resolve`)',
  partner: 'name of the partner',
  type: 'name of the lead type',
  mobile: 'phone number (E.164)',
  accepted_at: 'when it was accepted (ISO 8601)',
  due_at: 'when its call is due (ISO 8601)',
  dialled_at: 'when it was delivered (ISO 8601); null unless `state` is `dialled`',
  cancelled_at: 'when it was cancelled (ISO 8601); null: not cancelled',
  attempts: 'number of delivery attempts since it was accepted or retried',
  last_response: 'response to the last attempt; null: none yet',
  submission_id: 'id of its submission',
};

const view: View<LeadRecord, keyof typeof members> = {
  columns: {
    ID: (lead) => lead.id,
    STATE: ({ state, isUndecided }) => (isUndecided ? `${state} (undecided)` : state),
    DUE: (lead) => ({ time: lead.dueAt }),
    PARTNER: (lead) => lead.partner,
    TYPE: (lead) => lead.type,
    MOBILE: (lead) => lead.mobile,
    DIALLED: (lead) => timeOr(lead.dialledAt, '-'),
    CANCELLED: (lead) => timeOr(lead.cancelledAt, '-'),
    ATTEMPTS: (lead) => String(lead.attempts),
    'LAST RESPONSE': (lead) => lead.lastResponse ?? '-',
  },
  narrow: ['ID', 'STATE', 'DUE', 'MOBILE', 'LAST RESPONSE'],
  json: (lead) => ({
    id: lead.id,
    state: lead.state,
    undecided: lead.isUndecided,
    partner: lead.partner,
    type: lead.type,
    mobile: lead.mobile,
    accepted_at: formatTime(lead.acceptedAt),
    due_at: formatTime(lead.dueAt),
    dialled_at: formatTime(lead.dialledAt),
    cancelled_at: formatTime(lead.cancelledAt),
    attempts: lead.attempts,
    last_response: lead.lastResponse,
    submission_id: lead.submissionId,
  }),
};

/** How a lead is displayed among those of one person. */
const personView: TableView<LeadRecord> = {
  columns: view.columns,
  narrow: ['ID', 'STATE', 'DUE', 'PARTNER', 'TYPE', 'LAST RESPONSE'],
};

const attemptView: View<Attempt> = {
  columns: {
    LEAD: (attempt) => attempt.leadId,
    STARTED: (attempt) => ({ time: attempt.startedAt }),
    SECONDS: (attempt) => ((attempt.endedAt - attempt.startedAt) / 1_000).toFixed(3),
    OUTCOME: (attempt) => attempt.outcome,
    RESPONSE: (attempt) => attempt.response,
  },
  json: (attempt) => ({
    lead_id: attempt.leadId,
    started_at: formatTime(attempt.startedAt),
    ended_at: formatTime(attempt.endedAt),
    outcome: attempt.outcome,
    response: attempt.response,
  }),
};

/** `leads lead`: lists leads, and retries or resolves failed ones. */
export function leadCommand(context: CommandContext): Command {
  return new Command('lead')
    .description('accepted leads and their delivery')
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(retryCommand(context))
    .addCommand(resolveCommand(context));
}

interface ListOptions {
  state?: LeadState;
  undecided?: true;
  type?: string;
  partner?: string;
  limit?: number;
}

function listCommand(context: CommandContext): Command {
  const command = new Command('list')
    .description('list leads, newest first')
    .addOption(new Option('--state <state>', 'only leads in this state').choices(leadStates))
    .option('--undecided', 'only failed leads that may have reached the dialler (see `leads lead resolve`)')
    .option('--type <name>', 'only leads of this type')
    .option('--partner <name>', 'only leads of this partner')
    .addOption(limitOption());
  return defineAction(command, context, members, async ({ store, output }, options: ListOptions) => {
    const { limit, undecided, state, type, partner } = options;
    const rows = output.limit(limit);
    const filter = {
      ...(state !== undefined && { state }),
      ...(type !== undefined && { type }),
      ...(partner !== undefined && { partner }),
      ...(undecided && { isUndecided: undecided }),
    };
    await output.list(store.leads(filter, rows), view, 'There are no matching leads.', rows);
  });
}

function showCommand(context: CommandContext): Command {
  const command = new Command('show')
    .description('show all leads, attempts, submissions and cancellations of a person')
    .argument('<mobile>', 'phone number, in any notation that partners can send');
  return defineAction(
    command,
    context,
    {
      mobile: 'phone number (E.164)',
      leads: 'as `leads lead list --json` prints them',
      attempts: 'delivery attempts: `lead_id`, `started_at`, `ended_at`, `outcome`, `response`',
      submissions: 'as `leads submission list --json` prints them',
      cancellations:
        '`id`, `partner`, `type`, `mobile`, `received_at`, `outcome`, `lead_id`, `submitted` (the request as the partner sent it)',
    },
    async ({ store, parsePhone, output }, _options: object, [text]: [string]) => {
      const mobile = parsePhone(text);
      if (mobile === undefined) throw invalidNumber(text);
      const leads = await Array.fromAsync(store.leads({ mobile }, Number.MAX_SAFE_INTEGER));
      const attempts = await Array.fromAsync(store.attempts(mobile));
      const submissions = await Array.fromAsync(store.submissions({ mobile }, Number.MAX_SAFE_INTEGER));
      const cancellations = await Array.fromAsync(store.cancellations(mobile));
      if (output.isJson) {
        await output.value({
          mobile,
          leads: leads.map(view.json),
          attempts: attempts.map(attemptView.json),
          submissions: submissions.map(submissionView.json),
          cancellations: cancellations.map(cancellationView.json),
        });
        return;
      }
      await printSection(output, 'Leads', mobile, leads, personView);
      await output.gap();
      await printSection(output, 'Delivery attempts', mobile, attempts, attemptView);
      await output.gap();
      await printSection(output, 'Submissions', mobile, submissions, submissionView);
      await output.gap();
      await printSection(output, 'Cancellations', mobile, cancellations, cancellationView);
    },
  );
}

function invalidNumber(text: string): UserError {
  return new UserError(
    `${JSON.stringify(text)} is not a valid phone number. Use a national number, or + and the country code.`,
  );
}

/** Prints what the store has about a person: a table below its heading, or a sentence if there is nothing. */
async function printSection<Row>(
  output: Output,
  heading: string,
  mobile: string,
  rows: readonly Row[],
  view: TableView<Row>,
): Promise<void> {
  if (rows.length > 0) await output.heading(heading);
  await output.table(rows, view, `There are no ${heading.toLowerCase()} for ${mobile}.`);
}

function retryCommand(context: CommandContext): Command {
  const command = new Command('retry')
    .description(
      'schedule failed leads for delivery now, each under its original id.\nA lead that its partner cancelled later is not sent without --force',
    )
    .argument('<id...>', 'ids of the leads, from `leads lead list --state failed`')
    .option('--force', 'override later cancellations by the same partner');
  return defineAction(
    command,
    context,
    {
      id: 'id of the lead',
      state: '`scheduled`',
      may_have_arrived: 'whether the dialler may already have it',
      cancellations: relatedCancellationsMember,
    },
    async ({ store, output }, { force = false }: { force?: boolean }, [ids]: [string[]]) => {
      await processIds(ids, async (id) => {
        const { mayHaveArrived, cancellations } = await store.retryLead(id, force);
        const warning = mayHaveArrived ? ' The dialler may already have it under the same id.' : '';
        await output.done(`Lead ${id} is scheduled for immediate delivery.${warning}`, {
          id,
          state: 'scheduled',
          may_have_arrived: mayHaveArrived,
          cancellations: cancellations.map(relatedCancellationJson),
        });
        const rows = cancellations.map((cancellation) => ({ ...cancellation, relatedId: id }));
        await printRelatedCancellations(output, rows);
      });
    },
  );
}

interface ResolveOptions {
  delivered?: true;
  notDelivered?: true;
}

function resolveCommand(context: CommandContext): Command {
  const command = new Command('resolve')
    .description(
      'record whether undecided leads reached the dialler. Check the dialler first.\nUntil you resolve them, the same people cannot be added again',
    )
    .argument('<id...>', 'ids of the leads, from `leads lead list --undecided`')
    .addOption(
      new Option('--delivered', 'the dialler has them: they become `dialled`').conflicts('notDelivered'),
    )
    .option(
      '--not-delivered',
      'the dialler does not have them: they stay `failed`, and the people can be added again',
    );
  return defineAction(
    command,
    context,
    { id: 'id of the lead', state: '`dialled` or `failed`', undecided: 'false' },
    async ({ store, output }, { delivered, notDelivered }: ResolveOptions, [ids]: [string[]]) => {
      if (delivered === notDelivered) throw new UserError('Specify either --delivered or --not-delivered.');
      const wasDelivered = delivered === true;
      await processIds(ids, async (id) => {
        await store.resolveLead(id, wasDelivered);
        await output.done(
          wasDelivered
            ? `Lead ${id} is recorded as dialled at its last attempt.`
            : `Lead ${id} is recorded as not delivered. The person can be added again.`,
          { id, state: wasDelivered ? 'dialled' : 'failed', undecided: false },
        );
      });
    },
  );
}
