import { Reply } from '../contract/reply.ts';
import type { SubmissionOutcome } from '../leads/lead.ts';
import type { ParsePhone } from '../leads/phone.ts';
import { newSubmission } from '../leads/submission.ts';
import type { Intake, SubmissionResult } from '../store/store.ts';
import { inSpan, traceparent } from '../telemetry/tracing.ts';
import { idempotencyKeyReused, replayed } from './idempotent.ts';
import type { Operation } from './operation.ts';

const reply = Reply.of<'addLead'>();

const testPassed = reply(200, 'test', { test: 'ok' });
const testFailed = reply(200, 'test-unknown-type', { saved: false, processed: false, error: 'Unknown Type' });
const failed = reply(500, 'server-error', { saved: false, processed: false, error: 'Server Error' });

const severalReplies = Reply.severalOf<'addLead'>();
const saved = { saved: true, processed: true } as const;
const accepted = severalReplies(200, 'accepted', saved);
const acceptedBefore = severalReplies(200, 'replayed', saved);

const notAccepted = repliesWithoutLead();
const notAcceptedBefore = repliesWithoutLead(replayed);

/** POST /lead/add: saves a submission, and its lead where it can be taken. */
export function addLead(intake: Intake, parsePhone: ParsePhone): Operation<'addLead'> {
  return {
    async run({ partner, body, text, receivedAt, idempotency }) {
      if (body.test === true || body.test === 'true') {
        return (await intake.isGranted(partner.id, body.type)) ? testPassed : testFailed;
      }
      const mobile = parsePhone(body.mobile);
      if (mobile === undefined) throw new Error('A phone number passed validation and cannot be read.');
      const submission = newSubmission({
        partnerId: partner.id,
        receivedAt,
        type: body.type,
        mobile,
        delays: Number(body.delays ?? 0),
        content: text,
        trace: traceparent(),
      });
      return replyTo(await inSpan('commit', {}, () => intake.submit(submission, idempotency)));
    },
    failed,
  };
}

function replyTo(submitted: SubmissionResult): Reply<'addLead'> {
  if (submitted.outcome === 'idempotency-key-reused') return idempotencyKeyReused;
  const { isReplay } = submitted;
  if (submitted.outcome !== 'accepted') {
    return (isReplay ? notAcceptedBefore : notAccepted)[submitted.outcome];
  }
  const lead = { 'Lead-Id': submitted.leadId, 'Lead-Due': new Date(submitted.dueAt).toISOString() };
  return isReplay ? acceptedBefore({ ...lead, ...replayed }) : accepted(lead);
}

/** Why no lead was made of a submission, as it is told. */
function repliesWithoutLead(
  headers?: typeof replayed,
): Record<Exclude<SubmissionOutcome, 'accepted'>, Reply<'addLead'>> {
  const because = (
    outcome: SubmissionOutcome,
    error: 'Existing Contact' | 'Another call is already scheduled' | 'Unknown Type',
  ) => reply(200, headers ? 'replayed' : outcome, { saved: true, processed: false, error }, headers);
  return {
    'existing-contact': because('existing-contact', 'Existing Contact'),
    'already-scheduled': because('already-scheduled', 'Another call is already scheduled'),
    'unknown-type': because('unknown-type', 'Unknown Type'),
  };
}
