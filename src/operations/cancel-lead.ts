import { Reply } from '../contract/reply.ts';
import type { CancellationOutcome } from '../leads/lead.ts';
import type { ReadPhone } from '../leads/phone.ts';
import type { Intake } from '../store/store.ts';
import type { Operation } from './operation.ts';

const reply = Reply.of<'cancelLead'>();

const replies: Record<CancellationOutcome, Reply<'cancelLead'>> = {
  cancelled: reply(200, { cancelled: true }),
  'not-found': reply(200, { cancelled: false, warning: 'not found' }),
  'already-processed': reply(200, { cancelled: false, warning: 'already processed' }),
  'unknown-type': reply(200, { cancelled: false, warning: 'server error (call group)' }),
};
const failed = reply(500, { cancelled: false, warning: 'server error (save)' });

/** POST /lead/cancel: takes a lead of the partner back while its call is still to come. */
export function cancelLead(intake: Intake, readPhone: ReadPhone): Operation<'cancelLead'> {
  return {
    async answer({ partner, body }) {
      const mobile = readPhone(body.mobile);
      if (mobile === undefined) throw new Error('A phone number passed validation and cannot be read.');
      return replies[await intake.cancel({ partnerId: partner.id, type: body.type, mobile })];
    },
    failed,
  };
}
