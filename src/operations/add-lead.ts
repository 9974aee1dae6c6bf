import { expiresBeforeOpening } from '../contract/refusals.ts';
import { Reply } from '../contract/reply.ts';
import type { CallingRule, Opening } from '../leads/calling-hours/calling-hours.ts';
import type { CallingRules, RulesByType } from '../leads/calling-hours/rules-by-type.ts';
import type { SubmissionOutcome } from '../leads/lead.ts';
import type { ParsePhone } from '../leads/phone.ts';
import { requestedTime, type Submission, scheduleOf } from '../leads/submission.ts';
import { sentSchedule, sentWhereabouts } from '../leads/submitted-fields.ts';
import type { Intake, SubmissionResult } from '../store/intake.ts';
import { inSpan, traceparent } from '../telemetry/tracing.ts';
import { idempotencyKeyReused, replayedHeaders } from './idempotent.ts';
import { readMobile } from './mobile.ts';
import type { Operation, OperationRequest } from './operation.ts';

const reply = Reply.of<'addLead'>();

const testPassed = reply(200, 'test', { test: 'ok' });
const testFailed = reply(200, 'test-unknown-type', { saved: false, processed: false, error: 'Unknown Type' });
const serverError = reply(500, 'server-error', { saved: false, processed: false, error: 'Server Error' });

const accepted = Reply.withHeaders<'addLead'>()(200, 'accepted', { saved: true, processed: true });

const notAccepted = repliesWithoutLead();
const replayedNotAccepted = repliesWithoutLead(replayedHeaders);

/** Applies the daily quotas of partners. */
export interface DailyQuotas {
  /**
   * Allows a request to add a lead until it leaves. If the quota is or may be used up, returns the time until it may be
   * repeated (s), and does not count it.
   *
   * @param quota maximum number of leads that are accepted on one day (UTC); null: no limit
   */
  enter(partnerId: number, quota: number | null): number | undefined;
  /** Counts an accepted lead. */
  count(partnerId: number): void;
  /** Ends a request that has entered. */
  leave(partnerId: number): void;
}

/** POST /lead/add: saves a submission, with its lead if it is accepted. */
export function addLead(
  intake: Intake,
  parsePhone: ParsePhone,
  callingRules: CallingRules,
  quotas: DailyQuotas,
): Operation<'addLead'> {
  return {
    async run({ id, partner, keyId, dailyQuota, maxPriority, body, text, receivedAt, idempotency }) {
      if (body.test === true && body.expires_at === undefined) {
        return replyToTest(await intake.isGranted(partner.id, body.type));
      }
      const request = {
        id,
        partnerId: partner.id,
        keyId,
        maxPriority,
        receivedAt,
        text,
        trace: traceparent(),
      };
      const rules = callingRules.current();
      // Most often they are no promise, and every `await` costs time.
      const known = rules instanceof Promise ? await rules : rules;
      const submission = submissionOf(body, request, parsePhone, known);
      const unsaved = replyWithoutSaving(submission, body, (type) => intake.isGranted(partner.id, type));
      const unsavedReply = unsaved && (await unsaved);
      if (unsavedReply !== undefined) return unsavedReply;
      const retryAfter = quotas.enter(partner.id, dailyQuota);
      if (retryAfter !== undefined) return tooManyLeads(retryAfter);
      try {
        const result = await inSpan('commit', {}, () => intake.submit(submission, idempotency));
        if (result.outcome === 'accepted' && !result.isReplay) quotas.count(partner.id);
        return replyTo(result);
      } finally {
        quotas.leave(partner.id);
      }
    },
    serverError,
  };
}

/** A request to add a lead, without its body. */
export interface SubmittedRequest
  extends Pick<Submission, 'id' | 'partnerId' | 'keyId' | 'receivedAt' | 'trace'> {
  /** The body as it was sent (JSON text). */
  text: string;
  /** Maximum priority of the partner's leads. */
  maxPriority: number;
}

/** Returns the submission of a valid request. @param body the normalised body */
export function submissionOf(
  body: OperationRequest<'addLead'>['body'],
  { id, partnerId, keyId, maxPriority, receivedAt, text, trace }: SubmittedRequest,
  parsePhone: ParsePhone,
  rules: RulesByType,
): Submission {
  const submission: Submission = {
    id,
    partnerId,
    keyId,
    receivedAt,
    type: body.type,
    mobile: readMobile(body, parsePhone),
    delays: Number(body.delays ?? 0),
    content: text,
    trace,
  };
  if (body.call_at !== undefined || body.expires_at !== undefined || body.priority !== undefined) {
    Object.assign(submission, scheduleOf(sentSchedule(body), submission, maxPriority));
  }
  const rule = rules.get(body.type);
  submission.opening = rule && openingOf(submission, body, rule);
  return submission;
}

/**
 * Returns the reply to a valid request that saves nothing: a test, or a lead that expires before calling hours permit
 * its call. Undefined: there is none, which is no promise for most requests.
 *
 * @param isGranted whether the partner can add leads of a type. The calling hours of other types are not disclosed.
 */
export function replyWithoutSaving(
  submission: Submission,
  { test, type }: OperationRequest<'addLead'>['body'],
  isGranted: (type: string) => Promise<boolean>,
): Promise<Reply<'addLead'> | undefined> | undefined {
  const refusal = refusalOfExpiry(submission);
  if (refusal === undefined && test !== true) return undefined;
  return isGranted(type).then((granted) => {
    if (refusal !== undefined && granted) return refusal;
    return test === true ? replyToTest(granted) : undefined;
  });
}

/** Returns the refusal of a lead that expires before calling hours permit its call. Undefined: there is none. */
function refusalOfExpiry({ expiresAt, opening }: Submission): Reply<'addLead'> | undefined {
  if (expiresAt === undefined || opening?.waitsFor !== 'calling-hours' || opening.opensAt < expiresAt)
    return undefined;
  return expiresBeforeOpening(opening.opensAt);
}

/** Returns when calling hours permit the call of a submission. */
function openingOf(
  submission: Submission,
  body: OperationRequest<'addLead'>['body'],
  rule: CallingRule,
): Opening {
  const person = { mobile: submission.mobile, ...sentWhereabouts(body) };
  return rule.opening(person, requestedTime(submission, submission.receivedAt));
}

/** Returns the reply to a test. @param isGranted whether the partner can add leads of the type */
function replyToTest(isGranted: boolean): Reply<'addLead'> {
  return isGranted ? testPassed : testFailed;
}

/** 429: the daily quota of the partner is used up. @param seconds until the request may be repeated */
export function tooManyLeads(seconds: number): Reply<'addLead'> {
  const error = 'Too many leads from this partner today.';
  return reply(429, 'too-many-leads', { error }, { 'Retry-After': seconds });
}

/** Returns the reply to a submission that the store has processed. */
export function replyTo(result: SubmissionResult): Reply<'addLead'> {
  if (result.outcome === 'idempotency-key-reused') return idempotencyKeyReused;
  const { isReplay } = result;
  if (result.outcome !== 'accepted') {
    return (isReplay ? replayedNotAccepted : notAccepted)[result.outcome];
  }
  const lead = { 'Lead-Id': result.leadId, 'Lead-Due': new Date(result.dueAt).toISOString() };
  return accepted(isReplay ? { ...lead, ...replayedHeaders } : lead);
}

/** Returns the replies to submissions that are saved without a lead. */
function repliesWithoutLead(
  headers?: typeof replayedHeaders,
): Record<Exclude<SubmissionOutcome, 'accepted'>, Reply<'addLead'>> {
  const saved = (
    outcome: SubmissionOutcome,
    error: 'Existing Contact' | 'Another call is already scheduled' | 'Unknown Type' | 'Do Not Call',
  ) => reply(200, outcome, { saved: true, processed: false, error }, headers);
  return {
    'existing-contact': saved('existing-contact', 'Existing Contact'),
    'already-scheduled': saved('already-scheduled', 'Another call is already scheduled'),
    'unknown-type': saved('unknown-type', 'Unknown Type'),
    'do-not-call': saved('do-not-call', 'Do Not Call'),
  };
}
