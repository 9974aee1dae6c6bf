import type { LeadEvent } from '../leads/lead-event.ts';

/** Time for which events are stored (ms). */
export const eventRetention = 30 * 24 * 60 * 60_000;

/** A place between two events of a partner. */
export interface EventPosition {
  /** Number of the last event before it; 0: it is before all events. */
  sequence: number;
  /** End of the id of that event; undefined: the event was not known. */
  idEnd: string | undefined;
}

/** Number of characters of `EventPosition.idEnd`. */
export const idEndLength = 8;

/** Which events of a partner are read. */
export interface EventRequest {
  partnerId: number;
  /** Undefined: from the oldest stored event. */
  after: EventPosition | undefined;
  /** Maximum number of events. */
  limit: number;
}

/** Events of a partner, in the order in which they were committed. */
export interface EventPage {
  events: readonly LeadEvent[];
  /** The position after these events. */
  next: EventPosition;
  /** Whether there are more events now. */
  more: boolean;
}

/** What happened to the leads of partners. Every change of a lead's state records it, in its transaction. */
export interface PartnerEvents {
  /**
   * Reads the next events of a partner. No event is ever added before a position that was returned.
   *
   * @returns undefined: events after the position are no longer stored, or it is not a position of this store, such as
   *   after a restore
   */
  partnerEvents(request: EventRequest): Promise<EventPage | undefined>;
  /** Deletes events from before a time, in a small step. Returns their number. */
  deletePartnerEvents(before: number): Promise<number>;
}
