/**
 * Every recorded action of an operator on a lead. To add one, add it here, record it with `recordAction` in the change
 * that carries it out, and describe it in `actionDetails` of `leads lead show`.
 */
export const leadActions = [
  'retried',
  'resolved-delivered',
  'resolved-not-delivered',
  'cancelled',
  'dismissed',
  'held',
  'released',
  'unsuppressed',
  'withdrawal-requested',
  'resolved-withdrawn',
  'resolved-too-late',
] as const;

/** An action of an operator on a lead. */
export type LeadAction = (typeof leadActions)[number];
