import type { AttemptContext } from '../../src/delivery/dialler.ts';
import type { ClaimedLead } from '../../src/store/delivery.ts';
import type { ClaimedWithdrawal } from '../../src/store/withdrawals.ts';

/** Context of an attempt for a lead without earlier ones. */
export const noContext: AttemptContext = { found: [], earlierLeads: async () => [] };

/** Creates a due lead. @param submitted what the partner sent besides the mandatory fields */
export function claimedLead(submitted: object = {}, changes: Partial<ClaimedLead> = {}): ClaimedLead {
  return {
    id: '01k83s0kq3m4hn7c2v1a',
    partner: 'acme',
    type: 'motor',
    mobile: '+447840258823',
    acceptedAt: 1_000,
    dueAt: 2_000,
    expiresAt: null,
    priority: 0,
    attemptNumber: 1,
    mayHaveArrived: false,
    lastUnknownAt: null,
    trace: null,
    content: JSON.stringify({
      email: 'john.doe@test.com',
      first_name: 'John',
      surname: 'Doe',
      mobile: '07840258823',
      type: 'motor',
      ...submitted,
    }),
    ...changes,
  };
}

/** Creates a withdrawal of the lead of `claimedLead`, which was delivered. */
export function claimedWithdrawal(changes: Partial<ClaimedWithdrawal> = {}): ClaimedWithdrawal {
  const { id, partner, type, mobile, acceptedAt, dueAt, expiresAt, priority, content } = claimedLead();
  return {
    ...{ id, partner, type, mobile, acceptedAt, dueAt, expiresAt, priority, content },
    attemptNumber: 1,
    cause: 'cancellation',
    isRepeat: false,
    requestedAt: 4_000,
    dialledAt: 3_000,
    deliveryResponse: null,
    lastUnknownAt: null,
    ...changes,
  };
}
