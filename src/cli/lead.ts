import { Command, Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import { type LeadState, leadStates } from '../leads/lead.ts';
import type { Attempt, LeadRecord } from '../store/store.ts';
import { cancellationView, relatedJson, showOpposing } from './cancellation.ts';
import { forEachId } from './each-id.ts';
import { time, type View } from './output.ts';
import { action, type CommandContext, readCount } from './session.ts';
import { submissionView } from './submission.ts';

const view: View<LeadRecord> = {
  columns: {
    ID: (lead) => lead.id,
    STATE: ({ state, isUndecided }) => (isUndecided ? `${state} (undecided)` : state),
    DUE: (lead) => time(lead.dueAt),
    PARTNER: (lead) => lead.partner,
    TYPE: (lead) => lead.type,
    MOBILE: (lead) => lead.mobile,
    DIALLED: (lead) => time(lead.dialledAt) ?? '-',
    CANCELLED: (lead) => time(lead.cancelledAt) ?? '-',
    ATTEMPTS: (lead) => String(lead.attempts),
    'LAST RESPONSE': (lead) => lead.lastResponse ?? '-',
  },
  json: (lead) => ({
    id: lead.id,
    state: lead.state,
    undecided: lead.isUndecided,
    partner: lead.partner,
    type: lead.type,
    mobile: lead.mobile,
    accepted_at: time(lead.acceptedAt),
    due_at: time(lead.dueAt),
    dialled_at: time(lead.dialledAt),
    cancelled_at: time(lead.cancelledAt),
    attempts: lead.attempts,
    last_response: lead.lastResponse,
    submission_id: lead.submissionId,
  }),
};

const attemptView: View<Attempt> = {
  columns: {
    LEAD: (each) => each.leadId,
    STARTED: (each) => time(each.startedAt),
    SECONDS: (each) => ((each.endedAt - each.startedAt) / 1_000).toFixed(3),
    OUTCOME: (each) => each.outcome,
    RESPONSE: (each) => each.response,
  },
  json: (each) => ({
    lead_id: each.leadId,
    started_at: time(each.startedAt),
    ended_at: time(each.endedAt),
    outcome: each.outcome,
    response: each.response,
  }),
};

/** `leads lead`: what was taken. */
export function leadCommand(context: CommandContext): Command {
  const lead = new Command('lead').description('the leads that were taken');

  const list = lead
    .command('list')
    .description('list leads, the newest first')
    .addOption(new Option('--state <state>', 'only those in this state').choices(leadStates))
    .option('--undecided', 'only those that failed and may have reached the dialler (see `lead resolve`)')
    .option('--type <name>', 'only those of this lead type')
    .option('--partner <name>', 'only those of this partner')
    .option('--limit <n>', 'at most so many (default: 100 in a table, all with --json)', readCount);
  type ListOptions = { state?: LeadState; undecided?: true; type?: string; partner?: string; limit?: number };
  action<ListOptions, []>(list, context, async ({ store, output }, options) => {
    const { limit, undecided, ...wanted } = options;
    const rows = output.limit(limit);
    const filter = undecided ? { ...wanted, isUndecided: undecided } : wanted;
    await output.list(store.leads(filter, rows), view, 'There are no such leads.', rows);
  });

  const show = lead
    .command('show')
    .description('show all that was sent for a person, and what became of it')
    .argument('<mobile>', 'the phone number, written in any way that partners may write it');
  action<{ json?: boolean }, [string]>(show, context, async (session, { json }, written) => {
    const { store, parsePhone, output } = session;
    const mobile = parsePhone(written);
    if (mobile === undefined) throw new UserError(`${JSON.stringify(written)} is not a valid phone number.`);
    const leads = await Array.fromAsync(store.leads({ mobile }, Number.MAX_SAFE_INTEGER));
    const attempts = await Array.fromAsync(store.attempts(mobile));
    const submissions = await Array.fromAsync(store.submissions({ mobile }, Number.MAX_SAFE_INTEGER));
    const cancellations = await Array.fromAsync(store.cancellations(mobile));
    if (json) {
      await output.value({
        mobile,
        leads: leads.map(view.json),
        attempts: attempts.map(attemptView.json),
        submissions: submissions.map(submissionView.json),
        cancellations: cancellations.map(cancellationView.json),
      });
      return;
    }
    await output.list(leads, view, `No lead was taken for ${mobile}.`);
    await output.gap();
    await output.list(attempts, attemptView, 'The dialler was not tried yet.');
    await output.gap();
    await output.list(submissions, submissionView, `Nothing was sent for ${mobile}.`);
    await output.gap();
    await output.list(cancellations, cancellationView, `Nobody asked to cancel a lead of ${mobile}.`);
  });

  lead.addCommand(retryCommand(context));
  lead.addCommand(resolveCommand(context));

  return lead;
}

/** `leads lead retry`: schedules failed leads again. */
function retryCommand(context: CommandContext): Command {
  const retry = new Command('retry')
    .description(
      'send failed leads to the dialler again, now, each under its own id.\nA lead that its partner cancelled later is not sent without --force.',
    )
    .argument('<id...>', 'their ids, as `leads lead list --state failed` shows them')
    .option('--force', 'override later cancellations by the same partner');
  type RetryOptions = { force?: boolean; json?: boolean };
  action<RetryOptions, [string[]]>(retry, context, async ({ store, output }, options, ids) => {
    const { force = false, json = false } = options;
    await forEachId(ids, async (id) => {
      const { mayHaveArrived, cancellations } = await store.retry(id, force);
      await output.done(
        `The lead ${id} is scheduled for now.${mayHaveArrived ? ' The dialler may have it already, under the same id.' : ''}`,
        {
          id,
          state: 'scheduled',
          may_have_arrived: mayHaveArrived,
          cancellations: cancellations.map(relatedJson),
        },
      );
      const standing = cancellations.map((cancellation) => ({ ...cancellation, againstId: id }));
      await showOpposing(output, standing, json);
    });
  });
  return retry;
}

/** `leads lead resolve`: records what an operator found out about leads that the dialler may have. */
function resolveCommand(context: CommandContext): Command {
  const resolve = new Command('resolve')
    .description(
      'decide about failed leads that the dialler may have, once you know whether it does.\nUntil then the people in them cannot be added again.',
    )
    .argument('<id...>', 'their ids, as `leads lead list --undecided` shows them')
    .addOption(new Option('--delivered', 'the dialler has them: they are dialled').conflicts('notDelivered'))
    .option('--not-delivered', 'the dialler does not have them: they stay failed, and can be added again');
  type Options = { delivered?: true; notDelivered?: true };
  action<Options, [string[]]>(resolve, context, async ({ store, output }, options, ids) => {
    const wasDelivered = options.delivered === true;
    if (wasDelivered === (options.notDelivered === true)) {
      throw new UserError('Add what you found out at the dialler: --delivered or --not-delivered.');
    }
    await forEachId(ids, async (id) => {
      await store.resolve(id, wasDelivered);
      const state = wasDelivered ? 'dialled' : 'failed';
      await output.done(
        wasDelivered
          ? `The lead ${id} is dialled, as of its last attempt.`
          : `The lead ${id} did not reach the dialler. Its person can be added again.`,
        { id, state, undecided: false },
      );
    });
  });
  return resolve;
}
