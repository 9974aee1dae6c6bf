import { Webhook } from 'standardwebhooks';
import type { components } from '../../../generated/openapi.ts';
import { httpUrl, oneOf, readVariables } from '../../environment/variables.ts';
import { webhookSecrets } from '../../environment/webhook-secrets.ts';
import { submittedLead } from '../../leads/submitted-fields.ts';
import type { ClaimedLead } from '../../store/delivery.ts';
import type { ClaimedWithdrawal } from '../../store/withdrawals.ts';
import { traceparent } from '../../telemetry/tracing.ts';
import type { DeliveryResult, Dialler, DiallerContext, WithdrawalResult } from '../dialler.ts';
import { signedHeaders } from '../signed-headers.ts';
import {
  createPost,
  type DiallerResponse,
  discardBody,
  maxBodySize,
  type PostResult,
  parseRetryAfter,
  resultOfRedirect,
  withdrawalResult,
} from './http-client.ts';

/** Body of the webhook `leadDue` of openapi.yaml. */
type LeadDueEvent = components['schemas']['LeadDueEvent'];

/** Body of the webhook `leadWithdraw` of openapi.yaml. */
type LeadWithdrawEvent = components['schemas']['LeadWithdrawEvent'];

/** Client errors that are not about the lead, so that a later attempt can succeed. */
const temporaryClientErrors = new Set([401, 403, 404, 408, 425, 429]);

/** A receiver rejects a signature whose timestamp differs too much from its clock, as Standard Webhooks specifies. */
const unauthorizedHint = ' (check DIALLER_SECRET, and the clocks: they may differ by up to five minutes)';

/**
 * Creates a dialler that sends leads to a webhook receiver as Standard Webhooks 1.0.0 specifies.
 *
 * @throws {ConfigError} if its variables are missing or invalid
 */
export function createWebhook(
  environment: NodeJS.ProcessEnv,
  limits: Pick<DiallerContext, 'concurrency' | 'timeout'>,
): Dialler {
  const variables = readVariables(environment, {
    DIALLER_URL: httpUrl({ desc: 'the URL of the webhook receiver' }),
    DIALLER_SECRET: webhookSecrets({
      desc: 'the secret that signs the webhooks, whsec_ followed by 24 to 64 random bytes in base64',
    }),
    DIALLER_WITHDRAW: oneOf(['on', 'off'])({ default: 'off' }),
  });
  const { DIALLER_URL: url } = variables;
  const signers = variables.DIALLER_SECRET.map((secret) => new Webhook(secret));
  const post = createPost(limits);

  /** Signs an event and sends it. @param id `webhook-id`, the same in every attempt */
  function send(
    id: string,
    event: LeadDueEvent | LeadWithdrawEvent,
    signal: AbortSignal,
  ): Promise<PostResult> {
    const body = JSON.stringify(event);
    const trace = traceparent();
    const headers = {
      ...(trace === undefined ? {} : { traceparent: trace }),
      ...signedHeaders(signers, id, body),
    };
    return post(url, { headers, body, signal });
  }

  return {
    name: 'webhook',
    async deliver(lead, signal) {
      const posted = await send(lead.id, dueEventOf(lead), signal);
      if ('failure' in posted) return posted.failure;
      // The status alone decides the outcome, even if the body is incomplete.
      return { ...resultOf(posted.response), connectionReleased: discardBody(posted.response, maxBodySize) };
    },
    // A receiver that does not know the event could call the person instead.
    ...(variables.DIALLER_WITHDRAW === 'on' && {
      async cancel(withdrawal: ClaimedWithdrawal, signal: AbortSignal): Promise<WithdrawalResult> {
        const { id, requestedAt } = withdrawal;
        const posted = await send(`withdraw_${id}_${requestedAt}`, withdrawEventOf(withdrawal), signal);
        if ('failure' in posted) return withdrawalResult(posted.failure);
        void discardBody(posted.response, maxBodySize);
        return withdrawalResultOf(posted.response);
      },
    }),
  };
}

/** Returns the event for a due lead. It is the same in every attempt. */
function dueEventOf(lead: ClaimedLead): LeadDueEvent {
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
      ...(lead.expiresAt !== null && { expires_at: new Date(lead.expiresAt).toISOString() }),
      ...(lead.priority > 0 && { priority: lead.priority }),
      submitted: submittedLead(lead.content),
    },
  };
}

/** Returns the event for a withdrawal. It is the same in every attempt. */
function withdrawEventOf({
  id,
  partner,
  type,
  mobile,
  cause,
  requestedAt,
}: ClaimedWithdrawal): LeadWithdrawEvent {
  const timestamp = new Date(requestedAt).toISOString();
  return { type: 'lead.withdraw', timestamp, data: { id, partner, type, mobile, cause } };
}

function withdrawalResultOf(received: DiallerResponse): WithdrawalResult {
  const { statusCode: status } = received;
  const response = `HTTP ${status}`;
  if (status >= 200 && status < 300) return { outcome: 'withdrawn', response };
  if (status === 409) return { outcome: 'too-late', response };
  return withdrawalResult(resultOf(received));
}

function resultOf(received: DiallerResponse): DeliveryResult {
  const { statusCode: status } = received;
  const response = `HTTP ${status}${status === 401 ? unauthorizedHint : ''}`;
  if (status >= 200 && status < 300) return { outcome: 'delivered', response };
  if (status >= 300 && status < 400) return resultOfRedirect(status);
  if (status === 410)
    return {
      outcome: 'unavailable',
      response,
      pause: { reason: `the receiver is gone permanently (${response})` },
    };
  const isRejection = status >= 400 && status < 500 && !temporaryClientErrors.has(status);
  if (isRejection) return { outcome: 'rejected', response };
  const retryAfter = parseRetryAfter(received);
  // A receiver may store the lead and then fail. One that is busy or denies access has not stored it.
  const outcome = status < 500 || status === 503 ? 'unavailable' : 'unknown';
  return retryAfter === undefined ? { outcome, response } : { outcome, response, retryAfter };
}
