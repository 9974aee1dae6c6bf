import { Reply } from '../contract/reply.ts';
import type { ParsePhone } from '../leads/phone.ts';
import type { Intake } from '../store/store.ts';
import type { Operation } from './operation.ts';

const reply = Reply.of<'leadStatus'>();

const notFound = reply(200, 'not-found', { found: false });
const failed = reply(500, 'server-error', { error: 'The server could not look the lead up.' });

/** POST /lead/status: what became of the partner's last lead for a person and type. */
export function leadStatus(intake: Intake, parsePhone: ParsePhone): Operation<'leadStatus'> {
  return {
    async run({ partner, body }) {
      const mobile = parsePhone(body.mobile);
      if (mobile === undefined) throw new Error('A phone number passed validation and cannot be read.');
      const lead = await intake.leadStatus({ partnerId: partner.id, type: body.type, mobile });
      if (lead === undefined) return notFound;
      return reply(200, lead.state, {
        found: true,
        state: lead.state,
        accepted_at: written(lead.acceptedAt),
        due_at: written(lead.dueAt),
        dialled_at: lead.dialledAt === null ? null : written(lead.dialledAt),
      });
    },
    failed,
  };
}

function written(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
