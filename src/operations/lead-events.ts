import { Reply } from '../contract/reply.ts';
import { reportedEvent } from '../leads/lead-event.ts';
import type { EventPosition, PartnerEvents } from '../store/partner-events.ts';
import { inSpan } from '../telemetry/tracing.ts';
import type { Operation } from './operation.ts';

/** Default number of events in a response. */
const defaultEventLimit = 100;

const reply = Reply.of<'leadEvents'>();

const unknownCursor = reply(400, 'validation-failed', {
  after: { 0: 'After is unknown or too old; leave it out to receive all stored events.' },
});
const serverError = reply(500, 'server-error', { error: 'The server could not read the events.' });

/** POST /lead/events: returns what happened to the partner's leads after a cursor. */
export function leadEvents(store: Pick<PartnerEvents, 'partnerEvents'>): Operation<'leadEvents'> {
  return {
    async run({ partner, body }) {
      const request = {
        partnerId: partner.id,
        after: typeof body.after === 'string' ? positionOf(body.after) : undefined,
        limit: Number(body.limit || defaultEventLimit),
      };
      const page = await inSpan('read events', {}, () => store.partnerEvents(request));
      if (page === undefined) return unknownCursor;
      const { events, next, more } = page;
      return reply(200, 'listed', { events: events.map(reportedEvent), next: cursorOf(next), more });
    },
    serverError,
  };
}

/** Stands in a cursor for an event that is not known. */
const noEvent = '00000000';

function cursorOf({ sequence, idEnd }: EventPosition): string {
  return `${sequence}-${idEnd ?? noEvent}`;
}

/** @param cursor valid by the contract */
function positionOf(cursor: string): EventPosition {
  const [sequence, idEnd] = cursor.split('-');
  return { sequence: Number(sequence), idEnd: idEnd === noEvent ? undefined : idEnd };
}
