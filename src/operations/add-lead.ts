import { Reply } from '../contract/reply.ts';
import type { SubmissionOutcome } from '../leads/lead.ts';
import type { ReadPhone } from '../leads/phone.ts';
import { newSubmission } from '../leads/submission.ts';
import type { Intake } from '../store/store.ts';
import type { Operation } from './operation.ts';

const reply = Reply.of<'addLead'>();

const notAccepted: Record<Exclude<SubmissionOutcome, 'accepted'>, Reply<'addLead'>> = {
  'existing-contact': reply(200, { saved: true, processed: false, error: 'Existing Contact' }),
  'already-scheduled': reply(200, {
    saved: true,
    processed: false,
    error: 'Another call is already scheduled',
  }),
  'unknown-type': reply(200, { saved: true, processed: false, error: 'Unknown Type' }),
};
const testPassed = reply(200, { test: 'ok' });
const testFailed = reply(200, { saved: false, processed: false, error: 'Unknown Type' });
const failed = reply(500, { saved: false, processed: false, error: 'Server Error' });

/** POST /lead/add: saves a submission, and its lead where it can be taken. */
export function addLead(intake: Intake, readPhone: ReadPhone): Operation<'addLead'> {
  return {
    async answer({ partner, body, text, receivedAt }) {
      if (body.test === true || body.test === 'true') {
        return (await intake.isGranted(partner.id, body.type)) ? testPassed : testFailed;
      }
      const mobile = readPhone(body.mobile);
      if (mobile === undefined) throw new Error('A phone number passed validation and cannot be read.');
      const submission = newSubmission({
        partnerId: partner.id,
        receivedAt,
        type: body.type,
        mobile,
        delays: Number(body.delays ?? 0),
        content: text,
      });
      const submitted = await intake.submit(submission);
      if (submitted.outcome !== 'accepted') return notAccepted[submitted.outcome];
      return reply(
        200,
        { saved: true, processed: true },
        { 'Lead-Id': submitted.leadId, 'Lead-Due': new Date(submitted.dueAt).toISOString() },
      );
    },
    failed,
  };
}
