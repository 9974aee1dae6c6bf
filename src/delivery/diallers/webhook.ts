import { makeExactValidator } from 'envalid';
import { Webhook } from 'standardwebhooks';
import type { components } from '../../../generated/openapi.ts';
import { httpUrl, readVariables } from '../../environment/variables.ts';
import type { ClaimedLead } from '../../store/store.ts';
import { traceparent } from '../../telemetry/tracing.ts';
import type { DeliveryResult, Dialler, DiallerContext } from '../dialler.ts';
import { type DiallerResponse, discarded, poster, redirected, retryAfterOf } from './http-post.ts';

/** What the receiver gets: the webhook `leadDue` of openapi.yaml. */
type LeadDueEvent = components['schemas']['LeadDueEvent'];

/** Client errors that do not concern the lead: they end once the receiver is fixed or less busy. */
const temporary = new Set([401, 403, 404, 408, 425, 429]);

/** One secret, or several while one is replaced. */
const secrets = makeExactValidator<Webhook[]>((written) => {
  const each = written.split(/\s+/).filter(Boolean);
  const areSecrets = each.every((secret) => {
    const bytes = Buffer.from(secret.replace(/^whsec_/, ''), 'base64').length;
    return secret.startsWith('whsec_') && bytes >= 24 && bytes <= 64;
  });
  if (each.length > 0 && areSecrets) return each.map((secret) => new Webhook(secret));
  throw new Error('whsec_ and 24 to 64 random bytes as base64; several are set apart by spaces');
});

/** Hands leads to a receiver of the call centre's own, as Standard Webhooks 1.0.0 says. */
export function createWebhook(
  environment: NodeJS.ProcessEnv,
  limits: Pick<DiallerContext, 'concurrency' | 'timeout'>,
): Dialler {
  const { DIALLER_URL: url, DIALLER_SECRET: signers } = readVariables(environment, {
    DIALLER_URL: httpUrl({ desc: 'the address of the webhook’s receiver' }),
    DIALLER_SECRET: secrets({ desc: 'the secret that signs the webhooks; whsec_ and base64' }),
  });
  const post = poster(limits);
  return {
    name: 'webhook',
    async deliver(lead, signal) {
      const body = JSON.stringify(eventOf(lead));
      const now = new Date();
      const trace = traceparent();
      const headers = {
        ...(trace === undefined ? {} : { traceparent: trace }),
        'content-type': 'application/json',
        'webhook-id': lead.id,
        'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
        'webhook-signature': signers.map((signer) => signer.sign(lead.id, now, body)).join(' '),
      };
      const posted = await post(url, { headers, body, signal });
      if ('failure' in posted) return posted.failure;
      // The status says it all: however the body ends changes nothing.
      return { ...resultOf(posted.response), finished: discarded(posted.response) };
    },
  };
}

/** The event that says that a lead is due. It is the same on every try. */
function eventOf(lead: ClaimedLead): LeadDueEvent {
  return {
    type: 'lead.due',
    timestamp: new Date(lead.dueAt).toISOString(),
    data: {
      id: lead.id,
      partner: lead.partner,
      type: lead.type,
      mobile: lead.mobile,
      accepted_at: new Date(lead.acceptedAt).toISOString(),
      due_at: new Date(lead.dueAt).toISOString(),
      submitted: JSON.parse(lead.content),
    },
  };
}

function resultOf(received: DiallerResponse): DeliveryResult {
  const { statusCode: status } = received;
  const response = `HTTP ${status}`;
  if (status >= 200 && status < 300) return { outcome: 'delivered', response };
  if (status >= 300 && status < 400) return redirected(status);
  if (status === 410)
    return { outcome: 'unavailable', response, pauseReason: `the receiver is gone for good (${response})` };
  const isRejection = status >= 400 && status < 500 && !temporary.has(status);
  if (isRejection) return { outcome: 'rejected', response };
  const retryAfter = retryAfterOf(received);
  // A receiver that fails half-way may have accepted the lead; one that is busy or elsewhere has not.
  const outcome = status < 500 || status === 503 ? 'unavailable' : 'unknown';
  return retryAfter === undefined ? { outcome, response } : { outcome, response, retryAfter };
}
