import type { components } from '../../generated/openapi.ts';
import type { CallResult } from './call-result.ts';
import { type LeadState, reportedState } from './lead.ts';

/** Types of events about leads, as partners see them. */
export type LeadEventType =
  `lead.${'dialled' | 'cancelled' | 'failed' | 'expired' | 'suppressed' | 'result'}`;

/** What happened to a lead of a partner. */
export interface LeadEvent {
  /** `evt_` and 28 hexadecimal digits, which sort by time. */
  id: string;
  kind: LeadEventType;
  leadId: string;
  /** Name of the lead type. */
  type: string;
  /** State of the lead after the event. */
  state: LeadState;
  /** Result of a call; null: the event is not about a call. */
  result: CallResult | null;
  /** When the call was made (ms since 1970). Null: the event is not about a call. */
  calledAt: number | null;
  /** When it happened (ms since 1970). */
  occurredAt: number;
}

/** Returns an event as partners receive it: without personal data, so that they can log it. */
export function reportedEvent(event: LeadEvent): components['schemas']['LeadEvent'] {
  const { id, kind, leadId, type, state, result, calledAt, occurredAt } = event;
  return {
    id,
    type: kind,
    timestamp: new Date(occurredAt).toISOString(),
    data: {
      lead_id: leadId,
      type,
      state: reportedState(state),
      ...(result !== null && calledAt !== null && { result, result_at: new Date(calledAt).toISOString() }),
    },
  };
}
