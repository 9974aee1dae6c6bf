import { Reply } from '../contract/reply.ts';
import { reportedState } from '../leads/lead.ts';
import type { ParsePhone } from '../leads/phone.ts';
import type { Intake } from '../store/intake.ts';
import { readMobile } from './mobile.ts';
import type { Operation } from './operation.ts';

const reply = Reply.of<'leadStatus'>();

const notFound = reply(200, 'not-found', { found: false });
const serverError = reply(500, 'server-error', { error: 'The server could not look up the lead.' });

/** POST /lead/status: returns the state of the partner's latest lead for a person and type. */
export function leadStatus(intake: Intake, parsePhone: ParsePhone): Operation<'leadStatus'> {
  return {
    async run({ partner, body }) {
      const reference =
        'lead_id' in body
          ? { leadId: body.lead_id }
          : { type: body.type, mobile: readMobile(body, parsePhone) };
      const lead = await intake.leadStatus({ partnerId: partner.id, ...reference });
      if (lead === undefined) return notFound;
      return reply(200, 'found', {
        found: true,
        lead_id: lead.id,
        state: reportedState(lead.state),
        accepted_at: toTimestamp(lead.acceptedAt),
        due_at: toTimestamp(lead.dueAt),
        dialled_at: lead.dialledAt === null ? null : toTimestamp(lead.dialledAt),
        ...(lead.withdrawal !== null && { withdrawal: lead.withdrawal }),
        ...(lead.result !== null &&
          lead.resultAt !== null && { result: lead.result, result_at: toTimestamp(lead.resultAt) }),
        ...(lead.expiresAt !== null && { expires_at: toTimestamp(lead.expiresAt) }),
        ...(lead.priority > 0 && { priority: lead.priority }),
      });
    },
    serverError,
  };
}

function toTimestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
