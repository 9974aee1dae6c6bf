import { Reply } from '../contract/reply.ts';
import type { ParsePhone } from '../leads/phone.ts';
import { secondsUntilNextDay, startOfDay } from '../partners/day.ts';
import { recordObjection } from '../store/objections.ts';
import type { Suppressions } from '../store/suppressions.ts';
import { inSpan } from '../telemetry/tracing.ts';
import { readMobile } from './mobile.ts';
import type { Operation } from './operation.ts';

const reply = Reply.of<'doNotCall'>();

// The same for every person, so that a partner cannot find out what others know.
const recorded = reply(200, 'recorded', { recorded: true });
const serverError = reply(500, 'server-error', { error: 'The server could not record the objection.' });

/**
 * POST /lead/do-not-call: puts a number in the do-not-call list. The response is sent once no attempt to deliver it can
 * start.
 *
 * @param maxPerDay maximum number of objections of a partner on one day (UTC)
 */
export function doNotCall(
  store: Suppressions,
  parsePhone: ParsePhone,
  maxPerDay: number,
): Operation<'doNotCall'> {
  return {
    async run({ partner, keyId, body, receivedAt }) {
      const objection = {
        partner: partner.name,
        keyId,
        mobile: readMobile(body, parsePhone),
        type: body.type ?? undefined,
        reason: body.reason ?? undefined,
        receivedAt,
      };
      const now = Date.now();
      const cap = { max: maxPerDay, since: startOfDay(now) };
      const result = await inSpan('commit', {}, () => recordObjection(store, parsePhone, objection, cap));
      return result.outcome === 'recorded' ? recorded : tooManyObjections(now);
    },
    serverError,
  };
}

/** 429 until the end of the day. @param now milliseconds since 1970 */
function tooManyObjections(now: number): Reply<'doNotCall'> {
  const body = { error: 'Too many objections from this partner today.' };
  return reply(429, 'too-many-objections', body, { 'Retry-After': secondsUntilNextDay(now) });
}
