import { uuidOf } from '../leads/identifier.ts';
import type { Person } from './person.ts';
import type { TableView } from './table.ts';

/** Something that happened to a person's leads. */
interface Event {
  /** Milliseconds since 1970. */
  at: number;
  event: 'submission' | 're-run' | 'cancellation' | 'attempt';
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

/** Returns everything that happened to a person's leads, oldest first. */
export function timelineOf({
  submissions,
  cancellations,
  attempts,
}: Omit<Person, 'mobile' | 'leads'>): Event[] {
  const events: Event[] = [
    ...submissions.map((submission) => sentEvent('submission', submission)),
    ...submissions.flatMap(({ id, reruns }) =>
      reruns.map(({ rerunAt, outcome, leadId }): Event => {
        return { at: rerunAt, event: 're-run', outcome, leadId, details: `of submission ${id}` };
      }),
    ),
    ...cancellations.map((cancellation) => sentEvent('cancellation', cancellation)),
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
  ];
  return events.toSorted((one, other) => one.at - other.at);
}

function sentEvent(
  event: 'submission' | 'cancellation',
  sent: Pick<Person['submissions'][number], 'id' | 'partner' | 'type' | 'receivedAt' | 'keyId' | 'leadId'> & {
    outcome: string;
  },
): Event {
  const key = sent.keyId === null ? '' : ` with key ${sent.keyId}`;
  const details = `${sent.type}, by ${sent.partner}${key}, Request-Id ${uuidOf(sent.id)}`;
  return { at: sent.receivedAt, event, outcome: sent.outcome, leadId: sent.leadId, details };
}
