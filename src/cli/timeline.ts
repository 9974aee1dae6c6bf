import { uuidOf } from '../leads/identifier.ts';
import type { LeadAction } from '../leads/lead-action.ts';
import { importedKeyId } from '../leads/submission.ts';
import type { CallResultRecord } from '../store/call-results.ts';
import type { LeadRecord } from '../store/records.ts';
import type { WithdrawalRecord } from '../store/withdrawals.ts';
import { formatTime } from '../text/time.ts';
import type { Person } from './person-records.ts';
import type { TableView } from './table.ts';

/** Something that happened to a person's leads. */
interface Event {
  /** Milliseconds since 1970. */
  at: number;
  event:
    | 'submission'
    | 're-run'
    | 'cancellation'
    | 'attempt'
    | 'call'
    | 'suppression'
    | 'withdrawal'
    | 'operator';
  outcome: string;
  /** Id of the lead; null: none. */
  leadId: string | null;
  details: string;
}

/** How a timeline is displayed. */
export const timelineView: TableView<Event> = {
  columns: {
    TIME: ({ at }) => ({ time: at }),
    EVENT: ({ event }) => event,
    OUTCOME: ({ outcome }) => outcome,
    LEAD: ({ leadId }) => leadId ?? '-',
    DETAILS: ({ details }) => details,
  },
  narrow: ['TIME', 'EVENT', 'OUTCOME', 'DETAILS'],
};

/** What each action of an operator means. */
const actionDetails: Record<LeadAction, string> = {
  retried: 'scheduled for delivery again',
  'resolved-delivered': 'the dialler has it',
  'resolved-not-delivered': 'the dialler does not have it',
  cancelled: 'will not be called',
  dismissed: 'will not be retried',
  held: 'scheduled in a restored backup',
  released: 'scheduled for delivery again',
  'withdrawal-requested': 'to be withdrawn from the dialler',
  'resolved-withdrawn': 'was withdrawn from the dialler',
  'resolved-too-late': 'was called before it could be withdrawn',
  unsuppressed: 'no longer in the do-not-call list; scheduled for delivery again',
};

/** Returns everything that happened to a person's leads, oldest first. */
export function timelineOf({
  leads,
  submissions,
  cancellations,
  attempts,
  withdrawals,
  results,
  actions,
}: Omit<Person, 'mobile'>): Event[] {
  // The lists begin with the newest. Oldest first, events of the same millisecond stay in their order.
  const events: Event[] = [
    ...submissions.toReversed().map((submission) => sentEvent('submission', submission)),
    ...submissions.flatMap(({ id, reruns }) =>
      reruns.map(({ rerunAt, outcome, leadId }): Event => {
        return { at: rerunAt, event: 're-run', outcome, leadId, details: `of submission ${id}` };
      }),
    ),
    ...cancellations.toReversed().map((cancellation) => sentEvent('cancellation', cancellation)),
    ...attempts.map(({ leadId, startedAt, endedAt, outcome, response }): Event => {
      const seconds = ((endedAt - startedAt) / 1_000).toFixed(3);
      return {
        at: startedAt,
        event: 'attempt',
        outcome,
        leadId,
        details: `${response} (after ${seconds} s)`,
      };
    }),
    ...leads.flatMap(attemptInFlight),
    ...leads.flatMap((lead) => suppressionOf(lead, withdrawals)),
    ...withdrawals.flatMap(withdrawalEvents),
    ...results.map(callEvent),
    ...actions.map(({ leadId, action, actedAt }): Event => {
      return { at: actedAt, event: 'operator', outcome: action, leadId, details: actionDetails[action] };
    }),
  ];
  return events.toSorted((one, other) => one.at - other.at);
}

/** Returns when a lead became suppressed that was never withdrawn from the dialler. */
function suppressionOf(
  { id, state, cancelledAt }: LeadRecord,
  withdrawals: readonly WithdrawalRecord[],
): Event[] {
  const isWithdrawn = withdrawals.some(({ leadId, outcome }) => leadId === id && outcome === 'withdrawn');
  if (state !== 'suppressed' || cancelledAt === null || isWithdrawn) return [];
  const details = 'not called: the do-not-call list or a registry contains the number';
  return [{ at: cancelledAt, event: 'suppression', outcome: 'suppressed', leadId: id, details }];
}

/** Returns the request of a withdrawal, and its end or what the dialler last responded. */
function withdrawalEvents(withdrawal: WithdrawalRecord): Event[] {
  const { leadId, cause, requestedAt, attempts, outcome, endedAt, response } = withdrawal;
  const begun: Event = {
    at: requestedAt,
    event: 'withdrawal',
    outcome: outcome === null ? 'open' : 'requested',
    leadId,
    details: `because of ${cause === 'cancellation' ? 'a' : 'an'} ${cause}${describeWithdrawal(withdrawal)}`,
  };
  if (outcome === null || endedAt === null) return [begun];
  const details = `${response ?? 'no response'} (${attempts} ${attempts === 1 ? 'attempt' : 'attempts'})`;
  return [begun, { at: endedAt, event: 'withdrawal', outcome, leadId, details }];
}

function callEvent({ leadId, callId, code, result, calledAt, talkTime }: CallResultRecord): Event {
  const talked = talkTime === null ? '' : `, ${talkTime} s of conversation`;
  const details = `${code}${talked}, call ${callId}`;
  return { at: calledAt, event: 'call', outcome: result ?? 'no result', leadId, details };
}

/** Describes how far a withdrawal is. */
function describeWithdrawal({ attempts, nextAttemptAt, outcome, response }: WithdrawalRecord): string {
  if (outcome !== null) return '';
  const last = response === null ? '' : `, last response: ${response}`;
  const next = nextAttemptAt === null ? 'in flight' : `next attempt ${formatTime(nextAttemptAt)}`;
  return `; ${next}${attempts === 0 ? '' : `, attempts: ${attempts}`}${last}`;
}

/** Returns the attempt of a lead that is in flight or was interrupted, if there is one. */
function attemptInFlight({ id, inFlightSince, leaseEndsAt }: LeadRecord): Event[] {
  if (inFlightSince === null || leaseEndsAt === null) return [];
  const end = formatTime(leaseEndsAt);
  const [outcome, details] =
    leaseEndsAt > Date.now()
      ? ['in flight', `lease until ${end}`]
      : [
          'interrupted',
          `no response was recorded before the lease ended at ${end}; the lead will be sent again`,
        ];
  return [{ at: inFlightSince, event: 'attempt', outcome, leadId: id, details }];
}

function sentEvent(
  event: 'submission' | 'cancellation',
  sent: Pick<Person['submissions'][number], 'id' | 'partner' | 'type' | 'receivedAt' | 'keyId' | 'leadId'> & {
    outcome: string;
  },
): Event {
  const key = sent.keyId === null ? '' : ` with key ${sent.keyId}`;
  const channel = sent.keyId === importedKeyId ? ', imported by an operator' : key;
  const details = `${sent.type}, by ${sent.partner}${channel}, Request-Id ${uuidOf(sent.id)}`;
  return { at: sent.receivedAt, event, outcome: sent.outcome, leadId: sent.leadId, details };
}
