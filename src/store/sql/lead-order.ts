/**
 * The order of the leads of one person and type, in SQL. Identifiers come from the clocks of several machines, so they
 * do not show which lead is the latest. The order in which the leads ended does: a person and type have one active lead
 * at a time, so their leads end in the order in which they were accepted.
 */

/** Number of a lead that stops being active: 1 more than that of any other lead of the person and type. */
export const nextEndedOrder = `1 + (
  SELECT max(other.ended_order) FROM lead AS other
  WHERE other.mobile = lead.mobile AND other.type_id = lead.type_id)`;

/** `ended_order` of a lead that ends: it does not change if the lead has stopped being active before. */
export const endedOrder = `CASE lead.ended_order WHEN 0 THEN ${nextEndedOrder} ELSE lead.ended_order END`;

/** Puts the latest lead of a person and type first: the active one, then the one that ended last. */
export const latestFirst = 'lead.ended_order = 0 DESC, lead.ended_order DESC';
