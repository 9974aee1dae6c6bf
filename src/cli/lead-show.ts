import { Command } from 'commander';
import { whereaboutsOf } from '../leads/calling-hours/person-zones.ts';
import { presetFor } from '../leads/calling-hours/presets.ts';
import { CallingRules, type RulesByType } from '../leads/calling-hours/rules-by-type.ts';
import type { LeadState } from '../leads/lead.ts';
import { leadActions } from '../leads/lead-action.ts';
import { submittedFields } from '../leads/submitted-fields.ts';
import type { WaitCause } from '../leads/wait-cause.ts';
import type { LeadRecord } from '../store/records.ts';
import { formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { testDataOption, wideOption } from './arguments.ts';
import { cancellationJson } from './cancellation.ts';
import type { CommandContext } from './context.ts';
import { leadView } from './lead-view.ts';
import type { Output } from './output.ts';
import { findMobiles, type Person, prunedLeads, readPerson } from './person-records.ts';
import { submissionView } from './submission.ts';
import type { TableView } from './table.ts';
import { timelineOf, timelineView } from './timeline.ts';
import { withdrawalView } from './withdrawal.ts';

/** How a lead is displayed among those of one person. */
const personView: TableView<LeadRecord> = {
  columns: leadView.columns,
  narrow: ['ID', 'STATE', 'DUE', 'NEXT ATTEMPT', 'PARTNER', 'TYPE'],
};

/** `leads lead show`: everything about a person. */
export function showCommand(context: CommandContext): Command {
  const command = new Command('show')
    .description(
      'show everything about a person: leads, submissions, cancellations, delivery attempts, withdrawals, results of\ncalls and operators’ actions',
    )
    .argument(
      '<person>',
      'phone number in any notation that partners can send, Lead-Id, Request-Id, or e-mail address (searches all submissions)',
    )
    .addOption(testDataOption())
    .addOption(wideOption());
  return defineAction(
    command,
    context,
    {
      mobile: 'phone number (E.164)',
      leads: 'as `leads lead list --json` prints them',
      attempts: 'delivery attempts: `lead_id`, `started_at`, `ended_at`, `outcome`, `response`',
      withdrawals: 'as `leads withdrawal list --json` prints them',
      results:
        'results of calls: `lead_id`, `call_id`, `code` (the dialler’s own), `result` (null: none is configured for the code), `called_at`, `talk_time` (s), `received_at`',
      actions: `what operators did with the leads: \`lead_id\`, \`action\` (${leadActions.map((action) => `\`${action}\``).join(', ')}), \`acted_at\``,
      submissions: 'as `leads submission list --json` prints them',
      cancellations:
        '`id`, `partner`, `type`, `mobile`, `received_at`, `request_id`, `key_id`, `outcome`, `lead_id`, `submitted` (the request as the partner sent it)',
      pruned: 'ids of the leads whose submission, attempts and actions `leads prune` has removed',
    },
    async ({ store, parsePhone, output, defaultCountry }, _options: object, [text]: [string]) => {
      const rules = new CallingRules(() => store.callingHours(), presetFor(defaultCountry));
      let isFirst = true;
      for (const mobile of await findMobiles(store, parsePhone, text)) {
        const person = await readPerson(store, mobile);
        if (output.isJson) {
          await output.value(personJson(person));
          continue;
        }
        if (!isFirst) await output.gap();
        isFirst = false;
        await printPerson(output, person, await rules.current());
      }
    },
  );
}

function personJson(person: Person) {
  const { mobile, leads, attempts, withdrawals, results, actions, submissions, cancellations } = person;
  return {
    mobile,
    leads: leads.map(leadView.json),
    attempts: attempts.map((attempt) => ({
      lead_id: attempt.leadId,
      started_at: formatTime(attempt.startedAt),
      ended_at: formatTime(attempt.endedAt),
      outcome: attempt.outcome,
      response: attempt.response,
    })),
    withdrawals: withdrawals.map(withdrawalView.json),
    results: results.map((call) => ({
      lead_id: call.leadId,
      call_id: call.callId,
      code: call.code,
      result: call.result,
      called_at: formatTime(call.calledAt),
      talk_time: call.talkTime,
      received_at: formatTime(call.receivedAt),
    })),
    actions: actions.map(({ leadId, action, actedAt }) => ({
      lead_id: leadId,
      action,
      acted_at: formatTime(actedAt),
    })),
    submissions: submissions.map(submissionView.json),
    cancellations: cancellations.map(cancellationJson),
    pruned: prunedLeads(person),
  };
}

/** Why a lead is not delivered yet. */
const waitReasons: Record<WaitCause, string> = {
  'calling-hours': 'the calling hours of its type permit no call before',
  'no-common-hours':
    'no hour is permitted in all time zones in which the person may be; this is checked again at',
  screening: 'its numbers could not be screened; this is checked again at',
  registry: 'a registry that its type requires has no current list; this is checked again at',
  'call-limit': 'the person has been called as often as CALLS_PER_DAY permits, until',
};

function describeWait(id: string, waitsFor: WaitCause, until: number | null): string {
  return `Lead ${id} waits: ${waitReasons[waitsFor]} ${formatTime(until)}.`;
}

/**
 * Returns what a scheduled lead waits for, and until when. The calling hours also delay one that waits for a retry, or
 * that is overdue, although that is decided only when it is claimed. Undefined: it waits for nothing but its next
 * attempt.
 */
function waitOf(
  { type, mobile, state, waitsFor, nextAttemptAt, submissionId }: LeadRecord,
  { submissions }: Person,
  rules: RulesByType,
): { waitsFor: WaitCause; until: number | null } | undefined {
  if (waitsFor !== null) return { waitsFor, until: nextAttemptAt };
  const submission = submissions.find(({ id }) => id === submissionId);
  if (state !== 'scheduled' || nextAttemptAt === null || submission === undefined) return undefined;
  const whereabouts = whereaboutsOf(mobile, submittedFields(submission.content));
  const opening = rules.get(type)?.opening(whereabouts, Math.max(nextAttemptAt, Date.now()));
  return opening?.waitsFor && { waitsFor: opening.waitsFor, until: opening.opensAt };
}

/** States of leads whose call may still be made, or ended because it was too late. */
const expiringStates: readonly LeadState[] = ['scheduled', 'held', 'failed', 'expired'];

function describeExpiry(id: string, expiresAt: number): string {
  return `Lead ${id} is not called from ${formatTime(expiresAt)} on, as its partner requested.`;
}

/** The reason is not stored with the lead, and may have ended since. */
function describeSuppressed(id: string, mobile: string): string {
  return `Lead ${id} is suppressed: its number was in the do-not-call list, or in the list of a registry that its type requires. \`leads suppression check ${mobile}\` shows which entries there are now.`;
}

async function printPerson(output: Output, person: Person, rules: RulesByType): Promise<void> {
  const { mobile, leads, submissions } = person;
  await output.text(mobile);
  const [latest] = submissions;
  if (latest !== undefined) {
    const { firstName, surname, email, data } = submittedFields(latest.content);
    await output.text(`${firstName} ${surname}, ${email}`);
    if (data !== undefined) await output.text(`data: ${JSON.stringify(data)}`);
  }
  await output.gap();
  await output.table(leads, personView, 'There are no leads.');
  for (const lead of leads) {
    if (lead.state === 'suppressed') await output.text(describeSuppressed(lead.id, mobile));
    const wait = waitOf(lead, person, rules);
    if (wait !== undefined) await output.text(describeWait(lead.id, wait.waitsFor, wait.until));
    if (lead.expiresAt !== null && expiringStates.includes(lead.state)) {
      await output.text(describeExpiry(lead.id, lead.expiresAt));
    }
  }
  await output.gap();
  await output.table(
    timelineOf(person),
    timelineView,
    'Nothing was sent or delivered, or it was removed by `leads prune` or `leads person erase`.',
  );
  const pruned = prunedLeads(person);
  if (pruned.length > 0) {
    await output.gap();
    await output.text(
      `\`leads prune\` has removed the submission and the attempts of ${pruned.join(', ')}, and possibly others.`,
    );
  }
}
