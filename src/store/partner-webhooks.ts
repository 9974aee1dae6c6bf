import type { LeadEvent } from '../leads/lead-event.ts';

/** What a secret of a webhook is derived from, with a key of the store. */
export interface WebhookSalt {
  salt: string;
  /** Id of the key of the store. */
  keyId: string;
}

/** Where the events of a partner are sent, and what their secrets are derived from. */
export interface PartnerWebhook {
  partnerId: number;
  /** Name of the partner. */
  partner: string;
  url: string;
  current: WebhookSalt;
  /** The secret that was replaced, while it signs events too; undefined: none. */
  previous: WebhookSalt | undefined;
}

/** A webhook, as operators see it. */
export interface WebhookRecord extends PartnerWebhook {
  /** Until when the previous secret signs events (ms since 1970); null: there is none. */
  previousUntil: number | null;
  /** When its URL was set (ms since 1970). */
  setAt: number;
  /** Number of events that have yet to be sent. */
  waiting: number;
  /** When the oldest of them happened (ms since 1970); null: there is none. */
  waitingSince: number | null;
  /** Number of stored events whose attempts have all failed. */
  failed: number;
}

/** An event to be sent. Until the lease ends, only the owner of the claim may do so. */
export interface ClaimedEvent extends LeadEvent {
  /** Number of attempts so far. */
  attempts: number;
}

/** Which events of a partner are claimed. */
export interface EventClaim {
  partnerId: number;
  claim: string;
  /** Maximum number of events. */
  limit: number;
  /** Time for which nobody else can claim them (ms). */
  lease: number;
}

/** An attempt to send an event. */
export interface WebhookAttempt {
  eventId: string;
  /** Milliseconds since 1970. */
  startedAt: number;
  endedAt: number;
  outcome: 'delivered' | 'failed';
  /** Status or error, without anything that the receiver sent. */
  response: string;
}

/** An attempt, with the time of the next one (ms since 1970; null: none). */
export type EndedAttempt = WebhookAttempt & { nextAttemptAt: number | null };

/** An attempt, as operators see it. */
export interface WebhookAttemptRecord extends WebhookAttempt {
  id: number;
  partner: string;
  leadId: string;
  /** Type of the event; null: the event is no longer stored. */
  kind: LeadEvent['kind'] | null;
}

/** The webhooks of partners, and the events that are sent to them. */
export interface PartnerWebhooks {
  /**
   * Sets the URL of a partner's webhook. Events that happen from now on are sent to it.
   *
   * @param salt that of its secret, if the partner has no webhook yet
   * @returns whether the partner had no webhook
   * @throws {UserError} if there is no such partner
   */
  setWebhook(partner: string, url: string, salt: WebhookSalt): Promise<boolean>;
  /**
   * Replaces the secret of a webhook. The previous one signs events too until a time.
   *
   * @throws {UserError} if the partner has no webhook
   */
  rotateWebhook(partner: string, salt: WebhookSalt, previousUntil: number): Promise<void>;
  /** Removes a webhook. Events that have yet to be sent are not sent. @throws {UserError} if the partner has none */
  removeWebhook(partner: string): Promise<void>;
  /** Returns all webhooks by the name of the partner. */
  webhooks(): Promise<WebhookRecord[]>;
  /** Returns the webhooks with events that can be claimed. Those of suspended and deleted partners are left out. */
  dueWebhooks(): Promise<PartnerWebhook[]>;
  /** Claims events to be sent, in the order in which they are due. */
  claimEvents(claim: EventClaim): Promise<ClaimedEvent[]>;
  /** Records attempts. One whose claim has ended changes nothing but the list of attempts. */
  recordWebhookAttempts(claim: string, attempts: readonly EndedAttempt[]): Promise<void>;
  /** Returns the last attempts, latest first. @param partner undefined: of all partners */
  webhookAttempts(partner: string | undefined, limit: number): Promise<WebhookAttemptRecord[]>;
  /**
   * Sends stored events of a partner again: one, or all whose attempts have failed.
   *
   * @param eventId undefined: the failed ones
   * @returns their number
   * @throws {UserError} if the partner has no webhook
   */
  resendEvents(partner: string, eventId: string | undefined): Promise<number>;
}
