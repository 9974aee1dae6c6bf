/**
 * The order of the leads of one person and type, as SQL that both stores understand. Identifiers come from the clocks of
 * several machines, so they cannot tell which lead is the last. The store can: only one lead of a person and type is
 * active at a time, so they end (are released) in the order in which they were accepted.
 */

/** The number that a lead gets when it stops being active: 1 more than any lead of the same person and type has. */
export const nextEndedOrder = `1 + (
  SELECT max(other.ended_order) FROM lead AS other
  WHERE other.mobile = lead.mobile AND other.type_id = lead.type_id)`;

/** Puts the last of a person's leads of one type first: the active one, then the one that was released last. */
export const latestFirst = 'lead.ended_order = 0 DESC, lead.ended_order DESC';

/** A failed lead that the dialler may have: it stays active until an operator decides. */
export const isUndecided = `(lead.state = 'failed' AND lead.ended_order = 0)`;
