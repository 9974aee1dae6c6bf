import { Command, Option } from 'commander';
import { type LeadState, leadStates } from '../leads/lead.ts';
import { Mistake } from '../partners/partner.ts';
import type { LeadRecord, Try } from '../store/store.ts';
import { time, type View } from './output.ts';
import { action, readCount, type Surroundings } from './session.ts';
import { submissionView } from './submission.ts';

const view: View<LeadRecord> = {
  columns: {
    ID: (lead) => lead.id,
    STATE: (lead) => lead.state,
    DUE: (lead) => time(lead.dueAt),
    PARTNER: (lead) => lead.partner,
    TYPE: (lead) => lead.type,
    MOBILE: (lead) => lead.mobile,
    DIALLED: (lead) => time(lead.dialledAt) ?? '-',
    CANCELLED: (lead) => time(lead.cancelledAt) ?? '-',
    TRIES: (lead) => String(lead.tries),
    'LAST ANSWER': (lead) => lead.lastAnswer ?? '-',
  },
  json: (lead) => ({
    id: lead.id,
    state: lead.state,
    partner: lead.partner,
    type: lead.type,
    mobile: lead.mobile,
    accepted_at: time(lead.acceptedAt),
    due_at: time(lead.dueAt),
    dialled_at: time(lead.dialledAt),
    cancelled_at: time(lead.cancelledAt),
    tries: lead.tries,
    last_answer: lead.lastAnswer,
    submission_id: lead.submissionId,
  }),
};

const tryView: View<Try> = {
  columns: {
    LEAD: (each) => each.leadId,
    TRIED: (each) => time(each.startedAt),
    SECONDS: (each) => ((each.endedAt - each.startedAt) / 1_000).toFixed(3),
    OUTCOME: (each) => each.outcome,
    ANSWER: (each) => each.answer,
  },
  json: (each) => ({
    lead_id: each.leadId,
    started_at: time(each.startedAt),
    ended_at: time(each.endedAt),
    outcome: each.outcome,
    answer: each.answer,
  }),
};

/** `leads lead`: what was taken. */
export function leadCommand(surroundings: Surroundings): Command {
  const lead = new Command('lead').description('the leads that were taken');

  const list = lead
    .command('list')
    .description('list leads, the newest first')
    .addOption(new Option('--state <state>', 'only those in this state').choices(leadStates))
    .option('--type <name>', 'only those of this lead type')
    .option('--partner <name>', 'only those of this partner')
    .option('--limit <n>', 'at most so many (default: 100 in a table, all with --json)', readCount);
  type ListOptions = { state?: LeadState; type?: string; partner?: string; limit?: number };
  action<ListOptions, []>(list, surroundings, async ({ store, output }, { limit, ...filter }) => {
    const rows = output.limit(limit);
    await output.list(store.leads(filter, rows), view, 'There are no such leads.', rows);
  });

  const show = lead
    .command('show')
    .description('show all that was sent for a person, and what became of it')
    .argument('<mobile>', 'the phone number, written in any way that partners may write it');
  action<{ json?: boolean }, [string]>(show, surroundings, async (session, { json }, written) => {
    const { store, readPhone, output } = session;
    const mobile = readPhone(written);
    if (mobile === undefined) throw new Mistake(`${JSON.stringify(written)} is not a valid phone number.`);
    const leads = await Array.fromAsync(store.leads({ mobile }, Number.MAX_SAFE_INTEGER));
    const tries = await Array.fromAsync(store.tries(mobile));
    const submissions = await Array.fromAsync(store.submissions({ mobile }, Number.MAX_SAFE_INTEGER));
    if (json) {
      await output.value({
        mobile,
        leads: leads.map(view.json),
        tries: tries.map(tryView.json),
        submissions: submissions.map(submissionView.json),
      });
      return;
    }
    await output.list(leads, view, `No lead was taken for ${mobile}.`);
    await output.gap();
    await output.list(tries, tryView, 'The dialler was not tried yet.');
    await output.gap();
    await output.list(submissions, submissionView, `Nothing was sent for ${mobile}.`);
  });

  const retry = lead
    .command('retry')
    .description('send failed leads to the dialler again, now')
    .argument('<id...>', 'their ids, as `leads lead list --state failed` shows them');
  action<object, [string[]]>(retry, surroundings, async ({ store, output }, _options, ids) => {
    for (const id of ids) {
      await store.retry(id);
      await output.done(`The lead ${id} is scheduled for now.`, { id, state: 'scheduled' });
    }
  });

  return lead;
}
