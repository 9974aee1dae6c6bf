import { UserError } from '../../errors/user-error.ts';
import type {
  ClaimedEvent,
  EndedAttempt,
  PartnerWebhook,
  PartnerWebhooks,
  WebhookAttemptRecord,
  WebhookRecord,
  WebhookSalt,
} from '../partner-webhooks.ts';
import { userErrors } from '../user-errors.ts';
import { audit, auditedByCommand } from './audit.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { statement } from './statement.ts';

/** Keeps the webhooks of partners in a database. */
export function partnerWebhooks(database: SqlDatabase): PartnerWebhooks {
  return {
    setWebhook: (partner, url, salt) => database.change(() => setWebhook(partner, url, salt)),
    rotateWebhook: (partner, salt, until) => database.change(() => rotateWebhook(partner, salt, until)),
    removeWebhook: (partner) => database.change(() => removeWebhook(partner)),
    webhooks: async () => (await database.read(allWebhooks, Date.now())).map(recordOf),
    dueWebhooks: async () => (await database.read(webhooksWithDueEvents, Date.now())).map(webhookOf),
    async claimEvents({ partnerId, claim, limit, lease }) {
      const claimed = await database.change(() =>
        claimAudited(run(claimDueEvents, partnerId, claim, Date.now(), lease, limit)),
      );
      return claimed
        .toSorted((one, other) => one.ordinal - other.ordinal)
        .map(({ ordinal: _, ...event }) => event);
    },
    recordWebhookAttempts: (claim, attempts) => database.change(() => recordAttempts(claim, attempts)),
    webhookAttempts: (partner, limit) => database.read(lastAttempts, partner ?? null, limit),
    resendEvents: (partner, eventId) => database.change(() => resendEvents(partner, eventId)),
  };
}

const partnerOfWebhook = statement<{ id: number; url: string | null }>(
  'partner_of_webhook',
  `SELECT partner.id, partner_webhook.url
   FROM partner LEFT JOIN partner_webhook ON partner_webhook.partner_id = partner.id
   WHERE partner.name = $1 AND partner.deleted_at IS NULL`,
);

/** Returns the id of a partner with a webhook. */
function* partnerWithWebhook(name: string): Change<{ id: number; url: string }> {
  const partner = yield* firstRow(partnerOfWebhook, name);
  if (partner === undefined) throw userErrors.noPartner(name);
  const { id, url } = partner;
  if (url === null) throw userErrors.noWebhook(name);
  return { id, url };
}

const insertWebhook = statement(
  'insert_webhook',
  `INSERT INTO partner_webhook (partner_id, url, salt, key_id, set_at) VALUES ($1, $2, $3, $4, $5)
   ON CONFLICT (partner_id) DO UPDATE SET url = excluded.url, set_at = excluded.set_at`,
);

function* setWebhook(name: string, url: string, { salt, keyId }: WebhookSalt): Change<boolean> {
  const partner = yield* firstRow(partnerOfWebhook, name);
  if (partner === undefined) throw userErrors.noPartner(name);
  yield* run(insertWebhook, partner.id, url, salt, keyId, Date.now());
  const before = partner.url === null ? undefined : { webhook: partner.url };
  yield* audit({ kind: 'partner', id: name }, before, { webhook: url });
  return partner.url === null;
}

const rotateSecret = statement(
  'rotate_webhook',
  `UPDATE partner_webhook SET previous_salt = salt, previous_key_id = key_id, previous_until = $4, salt = $2, key_id = $3
   WHERE partner_id = $1`,
);

function* rotateWebhook(name: string, { salt, keyId }: WebhookSalt, previousUntil: number): Change<void> {
  const { id } = yield* partnerWithWebhook(name);
  yield* run(rotateSecret, id, salt, keyId, previousUntil);
  yield* audit({ kind: 'partner', id: name }, undefined, { webhook_secret: 'rotated' });
}

const deleteWebhook = statement('delete_webhook', 'DELETE FROM partner_webhook WHERE partner_id = $1');

const stopSending = statement(
  'stop_sending_events',
  `UPDATE partner_event SET next_attempt_at = NULL, claim = NULL
   WHERE partner_id = $1 AND next_attempt_at IS NOT NULL`,
);

function* removeWebhook(name: string): Change<void> {
  const { id, url } = yield* partnerWithWebhook(name);
  yield* deleteWebhookOf(id);
  yield* audit({ kind: 'partner', id: name }, { webhook: url }, { webhook: null });
}

/** Removes the webhook of a partner, if it has one. */
export function* deleteWebhookOf(partnerId: number): Change<void> {
  yield* run(deleteWebhook, partnerId);
  yield* run(stopSending, partnerId);
}

interface WebhookRow {
  partnerId: number;
  partner: string;
  url: string;
  salt: string;
  keyId: string;
  previousSalt: string | null;
  previousKeyId: string | null;
}

/** Columns of a `WebhookRow`. @param now parameter */
function webhookColumns(now: string): string {
  const previous = (column: string) =>
    `CASE WHEN partner_webhook.previous_until > ${now} THEN partner_webhook.${column} END`;
  return `partner.id AS "partnerId", partner.name AS partner, partner_webhook.url, partner_webhook.salt,
    partner_webhook.key_id AS "keyId", ${previous('previous_salt')} AS "previousSalt",
    ${previous('previous_key_id')} AS "previousKeyId"`;
}

function webhookOf({ previousSalt, previousKeyId, salt, keyId, ...row }: WebhookRow): PartnerWebhook {
  const hasPrevious = previousSalt !== null && previousKeyId !== null;
  const previous = hasPrevious ? { salt: previousSalt, keyId: previousKeyId } : undefined;
  const { partnerId, partner, url } = row;
  return { partnerId, partner, url, current: { salt, keyId }, previous };
}

type WebhookStatus = Omit<WebhookRecord, keyof PartnerWebhook>;

const allWebhooks = statement<WebhookRow & WebhookStatus>(
  'webhooks',
  `SELECT ${webhookColumns('$1')},
     CASE WHEN partner_webhook.previous_until > $1 THEN partner_webhook.previous_until END AS "previousUntil",
     partner_webhook.set_at AS "setAt",
     (SELECT count(*) FROM partner_event WHERE partner_id = partner.id AND next_attempt_at IS NOT NULL) AS waiting,
     (SELECT min(occurred_at) FROM partner_event WHERE partner_id = partner.id AND next_attempt_at IS NOT NULL)
       AS "waitingSince",
     (SELECT count(*) FROM partner_event WHERE partner_id = partner.id AND sending_outcome = 'failed') AS failed
   FROM partner_webhook JOIN partner ON partner.id = partner_webhook.partner_id ORDER BY partner.name`,
);

function recordOf(row: WebhookRow & WebhookStatus): WebhookRecord {
  const { previousUntil, setAt, waiting, waitingSince, failed } = row;
  return { ...webhookOf(row), previousUntil, setAt, waiting, waitingSince, failed };
}

const webhooksWithDueEvents = statement<WebhookRow>(
  'due_webhooks',
  ({ claimableUntil }) => `
    SELECT ${webhookColumns('$1')}
    FROM partner_webhook JOIN partner ON partner.id = partner_webhook.partner_id
    WHERE partner.suspended_at IS NULL AND partner.deleted_at IS NULL AND EXISTS (
      SELECT 1 FROM partner_event WHERE partner_event.partner_id = partner_webhook.partner_id
        AND partner_event.next_attempt_at <= ${claimableUntil('$1')})
    ORDER BY partner.id`,
);

const claimDueEvents = statement<ClaimedEvent & { ordinal: number }>(
  'claim_events',
  ({ inQuery, lockAvailable, claimableUntil, leaseStart }) => `
    UPDATE partner_event SET claim = $2, next_attempt_at = ${leaseStart('$3')} + $4
    WHERE ordinal ${inQuery(`
        SELECT ordinal FROM partner_event
        WHERE partner_id = $1 AND next_attempt_at <= ${claimableUntil('$3')}
        ORDER BY next_attempt_at, ordinal LIMIT $5 ${lockAvailable('partner_event')}`)}
    RETURNING ordinal, id, kind, lead_id AS "leadId", state, result, called_at AS "calledAt", occurred_at AS "occurredAt",
      attempts, (SELECT lead_type.name FROM lead_type WHERE lead_type.id = partner_event.type_id) AS type`,
);

/** A claim is no change by an operator. */
function* claimAudited<Result>(claim: Change<Result>): Change<Result> {
  yield* auditedByCommand();
  return yield* claim;
}

const sentColumns = {
  event_id: 'text',
  started_at: 'bigint',
  ended_at: 'bigint',
  outcome: 'text',
  response: 'text',
  next_attempt_at: 'bigint',
} as const;

const insertAttempts = statement(
  'insert_webhook_attempts',
  ({ records }) => `
    INSERT INTO webhook_attempt (event_id, partner_id, lead_id, started_at, ended_at, outcome, response)
    SELECT sent.event_id, partner_event.partner_id, partner_event.lead_id, sent.started_at, sent.ended_at, sent.outcome,
      sent.response
    FROM ${records('$1', sentColumns)} JOIN partner_event ON partner_event.id = sent.event_id
    ORDER BY partner_event.ordinal`,
);

const endAttempts = statement(
  'end_webhook_attempts',
  ({ records }) => `
    UPDATE partner_event SET claim = NULL, attempts = attempts + 1, next_attempt_at = sent.next_attempt_at,
      sending_outcome = CASE WHEN sent.next_attempt_at IS NULL THEN sent.outcome END
    FROM ${records('$1', sentColumns)} WHERE partner_event.id = sent.event_id AND partner_event.claim = $2`,
);

function* recordAttempts(claim: string, attempts: readonly EndedAttempt[]): Change<void> {
  yield* auditedByCommand();
  const sent = JSON.stringify(
    attempts.map(({ eventId, startedAt, endedAt, outcome, response, nextAttemptAt }) => ({
      event_id: eventId,
      started_at: startedAt,
      ended_at: endedAt,
      outcome,
      response,
      next_attempt_at: nextAttemptAt,
    })),
  );
  yield* run(insertAttempts, sent);
  yield* run(endAttempts, sent, claim);
}

const lastAttempts = statement<WebhookAttemptRecord>(
  'webhook_attempts',
  `SELECT webhook_attempt.id, webhook_attempt.event_id AS "eventId", partner.name AS partner,
     webhook_attempt.lead_id AS "leadId", partner_event.kind, webhook_attempt.started_at AS "startedAt",
     webhook_attempt.ended_at AS "endedAt", webhook_attempt.outcome, webhook_attempt.response
   FROM webhook_attempt JOIN partner ON partner.id = webhook_attempt.partner_id
   LEFT JOIN partner_event ON partner_event.id = webhook_attempt.event_id
   WHERE CAST($1 AS text) IS NULL OR partner.name = $1
   ORDER BY webhook_attempt.id DESC LIMIT $2`,
);

const resend = statement(
  'resend_events',
  `UPDATE partner_event SET next_attempt_at = $3, attempts = 0, claim = NULL, sending_outcome = NULL
   WHERE partner_id = $1 AND (CAST($2 AS text) IS NULL AND sending_outcome = 'failed' OR id = $2) RETURNING id`,
);

function* resendEvents(name: string, eventId: string | undefined): Change<number> {
  const { id } = yield* partnerWithWebhook(name);
  const resent = yield* run(resend, id, eventId ?? null, Date.now());
  if (eventId !== undefined && resent.length === 0) {
    throw new UserError(
      `Partner ${JSON.stringify(name)} has no event ${JSON.stringify(eventId)}. Events are stored for 30 days. Run \`leads partner webhook attempts\` to list those that were sent.`,
    );
  }
  yield* audit({ kind: 'partner', id: name }, undefined, { resent_events: resent.length });
  return resent.length;
}
