import { callResults } from '../leads/call-result.ts';
import { leadStates } from '../leads/lead.ts';
import { waitCauses } from '../leads/wait-cause.ts';
import type { LeadRecord } from '../store/records.ts';
import { formatTime } from '../text/time.ts';
import type { View } from './output.ts';
import { timeOr } from './table.ts';

/** Members of a lead in JSON, with their descriptions. */
export const leadMembers = {
  id: 'id of the lead',
  state: `state of the lead: ${leadStates.map((state) => `\`${state}\``).join(', ')}`,
  undecided: 'whether it failed and may have reached the dialler (see `leads lead resolve`)',
  may_have_arrived: 'whether the dialler may have it, so that delivering it may be a repeat',
  partner: 'name of the partner',
  type: 'name of the lead type',
  mobile: 'phone number (E.164)',
  accepted_at: 'when it was accepted (ISO 8601)',
  due_at:
    'when its call is due (ISO 8601); while it waits for something, the end of the wait, as for partners',
  expires_at: 'when it is too late to call (ISO 8601); null: never',
  priority: 'priority among the leads that are due, from 0 to 9: 9 comes first',
  next_attempt_at:
    'earliest time of the next attempt (ISO 8601); null: it is not scheduled, or an attempt is in flight',
  waits_for: `what it waits for until then: ${waitCauses.map((cause) => `\`${cause}\``).join(', ')}; null: nothing but that time`,
  dialled_at: 'when it was delivered (ISO 8601); null unless `state` is `dialled`',
  cancelled_at: 'when it was cancelled or suppressed (ISO 8601); null: neither',
  attempts: 'number of delivery attempts since it was accepted or retried',
  last_response: 'response to the last attempt; null: none yet',
  result: `result of the latest call with one: ${callResults.map((result) => `\`${result}\``).join(', ')}; null: none was reported`,
  result_at: 'when that call was made (ISO 8601); null: none was reported',
  in_flight_since: 'from when an attempt in flight may have run (ISO 8601); null: none is in flight',
  lease_ends_at:
    'when the lease of an attempt in flight ends, after which the lead can be sent again (ISO 8601); null: none is in flight',
  submission_id: 'id of its submission',
};

/** Returns when the call of a lead is due, as partners see it. */
function dueAtOf({ waitsFor, nextAttemptAt, dueAt }: LeadRecord): number {
  return (waitsFor === null ? null : nextAttemptAt) ?? dueAt;
}

function stateOf({ state, isUndecided, leaseEndsAt }: LeadRecord): string {
  if (isUndecided) return `${state} (undecided)`;
  return leaseEndsAt === null ? state : `${state} (in flight)`;
}

/** How a lead is displayed. */
export const leadView: View<LeadRecord, keyof typeof leadMembers> = {
  columns: {
    ID: (lead) => lead.id,
    STATE: stateOf,
    DUE: (lead) => ({ time: dueAtOf(lead) }),
    'NEXT ATTEMPT': (lead) => timeOr(lead.nextAttemptAt, lead.state === 'scheduled' ? 'in flight' : '-'),
    PARTNER: (lead) => lead.partner,
    TYPE: (lead) => lead.type,
    MOBILE: (lead) => lead.mobile,
    DIALLED: (lead) => timeOr(lead.dialledAt, '-'),
    CANCELLED: (lead) => timeOr(lead.cancelledAt, '-'),
    EXPIRES: (lead) => timeOr(lead.expiresAt, '-'),
    PRIORITY: (lead) => String(lead.priority),
    RESULT: (lead) => lead.result ?? '-',
    CALLED: (lead) => timeOr(lead.resultAt, '-'),
    ATTEMPTS: (lead) => String(lead.attempts),
    'LAST RESPONSE': (lead) => lead.lastResponse ?? '-',
  },
  narrow: ['ID', 'STATE', 'DUE', 'MOBILE', 'LAST RESPONSE'],
  json: (lead) => ({
    id: lead.id,
    state: lead.state,
    undecided: lead.isUndecided,
    may_have_arrived: lead.mayHaveArrived,
    partner: lead.partner,
    type: lead.type,
    mobile: lead.mobile,
    accepted_at: formatTime(lead.acceptedAt),
    due_at: formatTime(dueAtOf(lead)),
    expires_at: formatTime(lead.expiresAt),
    priority: lead.priority,
    next_attempt_at: formatTime(lead.nextAttemptAt),
    waits_for: lead.waitsFor,
    dialled_at: formatTime(lead.dialledAt),
    cancelled_at: formatTime(lead.cancelledAt),
    attempts: lead.attempts,
    last_response: lead.lastResponse,
    result: lead.result,
    result_at: formatTime(lead.resultAt),
    in_flight_since: formatTime(lead.inFlightSince),
    lease_ends_at: formatTime(lead.leaseEndsAt),
    submission_id: lead.submissionId,
  }),
};

/** How scheduled leads are displayed: with the time of the next attempt, in place of the state. */
export const scheduledView: View<LeadRecord, keyof typeof leadMembers> = {
  ...leadView,
  narrow: ['ID', 'DUE', 'NEXT ATTEMPT', 'MOBILE', 'LAST RESPONSE'],
};

/** How leads with a result are displayed. */
export const resultView: View<LeadRecord, keyof typeof leadMembers> = {
  ...leadView,
  narrow: ['ID', 'RESULT', 'CALLED', 'MOBILE'],
};

/** How held leads are displayed: with what an operator compares with the dialler's list. */
export const heldView: View<LeadRecord, keyof typeof leadMembers> = {
  columns: {
    ID: (lead) => lead.id,
    DUE: (lead) => ({ time: lead.dueAt }),
    DIALLER: ({ mayHaveArrived }) => (mayHaveArrived ? 'may have it' : 'does not have it'),
    PARTNER: (lead) => lead.partner,
    TYPE: (lead) => lead.type,
    MOBILE: (lead) => lead.mobile,
    ACCEPTED: (lead) => ({ time: lead.acceptedAt }),
  },
  narrow: ['ID', 'DUE', 'DIALLER', 'PARTNER', 'MOBILE'],
  json: leadView.json,
};
