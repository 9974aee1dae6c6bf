import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { secretsOf, webhookTimeout } from '../delivery/partner-webhooks/webhook-client.ts';
import { UserError } from '../errors/user-error.ts';
import type { StoreKeys } from '../store/keys/store-keys.ts';
import type { WebhookAttemptRecord, WebhookRecord, WebhookSalt } from '../store/partner-webhooks.ts';
import type { Store } from '../store/store.ts';
import { userErrors } from '../store/user-errors.ts';
import { formatTime } from '../text/time.ts';
import { defineAction, type Session } from './action.ts';
import { limitOption, wideOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';
import type { View } from './output.ts';
import { timeOr } from './table.ts';

/** Time for which a replaced secret signs events too (ms). */
const previousSecretPeriod = 7 * 86_400_000;

/** Maximum length of the URL of a webhook (characters). */
const maxUrlLength = 2_048;

/** `leads partner webhook`: manages where the events of partners are sent. */
export function webhookCommand(context: CommandContext): Command {
  return new Command('webhook')
    .description('the webhooks to which events of partners are sent')
    .addCommand(setCommand(context), { isDefault: true })
    .addCommand(listCommand(context))
    .addCommand(rotateCommand(context))
    .addCommand(testCommand(context))
    .addCommand(attemptsCommand(context))
    .addCommand(resendCommand(context))
    .addCommand(removeCommand(context));
}

const secretMember = 'the secret that signs events; it is not shown again. Null: it was not changed';

function setCommand(context: CommandContext): Command {
  const command = new Command('set')
    .description(
      'set the URL to which events of a partner are sent from now on, and print its secret as JSON if it is new.\n`set` can be left out',
    )
    .argument('<partner>', 'name of the partner')
    .argument('<url>', 'the URL of its receiver: https, or http for an address in WEBHOOK_ALLOW');
  return defineAction(
    command,
    context,
    { partner: 'name of the partner', url: 'URL of its receiver', secret: secretMember },
    async (session, _options: object, [partner, text]: [string, string]) => {
      const url = parseUrl(text);
      const { keys, salt } = await newSalt(session);
      if (await session.store.setWebhook(partner, url, salt)) {
        await session.output.value({ partner, url, secret: secretFor(keys, salt) });
        noteShownOnce(session);
        return;
      }
      await session.output.done(
        `Events of partner ${JSON.stringify(partner)} are sent to ${url}. The secret was not changed.`,
        { partner, url, secret: null },
      );
    },
  );
}

function rotateCommand(context: CommandContext): Command {
  const command = new Command('rotate')
    .description(
      'create a new secret for the webhook of a partner and print it as JSON.\nFor seven days, events have a signature of the old secret too',
    )
    .argument('<partner>', 'name of the partner');
  return defineAction(
    command,
    context,
    {
      partner: 'name of the partner',
      secret: 'the new secret; it is not shown again',
      old_until: 'until when the old secret signs events too (ISO 8601)',
    },
    async (session, _options: object, [partner]: [string]) => {
      const { keys, salt } = await newSalt(session);
      const until = Date.now() + previousSecretPeriod;
      await session.store.rotateWebhook(partner, salt, until);
      await session.output.value({ partner, secret: secretFor(keys, salt), old_until: formatTime(until) });
      noteShownOnce(session);
    },
  );
}

function removeCommand(context: CommandContext): Command {
  const command = new Command('remove')
    .description(
      'remove the webhook of a partner; events that have not been sent are not sent.\nThe partner can still read them with `POST /lead/events`',
    )
    .argument('<partner>', 'name of the partner');
  return defineAction(
    command,
    context,
    { partner: 'name of the partner', removed: 'true' },
    async ({ store, output }, _options: object, [partner]: [string]) => {
      await store.removeWebhook(partner);
      await output.done(`Events of partner ${JSON.stringify(partner)} are no longer sent.`, {
        partner,
        removed: true,
      });
    },
  );
}

const listMembers = {
  partner: 'name of the partner',
  url: 'URL of its receiver',
  waiting: 'number of events that have yet to be sent',
  waiting_since: 'when the oldest of them happened (ISO 8601); null: there is none',
  failed: 'number of events of the last 30 days whose attempts have all failed',
  old_secret_until: 'until when a replaced secret signs events too (ISO 8601); null: there is none',
  set_at: 'when the URL was set (ISO 8601)',
};

const listView: View<WebhookRecord, keyof typeof listMembers> = {
  columns: {
    PARTNER: ({ partner }) => partner,
    URL: ({ url }) => url,
    WAITING: ({ waiting }) => String(waiting),
    SINCE: ({ waitingSince }) => timeOr(waitingSince, '-'),
    FAILED: ({ failed }) => String(failed),
    'OLD SECRET UNTIL': ({ previousUntil }) => timeOr(previousUntil, '-'),
    SET: ({ setAt }) => ({ time: setAt }),
  },
  narrow: ['PARTNER', 'URL', 'WAITING', 'SINCE', 'FAILED'],
  json: (webhook) => ({
    partner: webhook.partner,
    url: webhook.url,
    waiting: webhook.waiting,
    waiting_since: formatTime(webhook.waitingSince),
    failed: webhook.failed,
    old_secret_until: formatTime(webhook.previousUntil),
    set_at: formatTime(webhook.setAt),
  }),
};

function listCommand(context: CommandContext): Command {
  const command = new Command('list')
    .description('list webhooks with the numbers of events that wait or have failed')
    .addOption(wideOption());
  return defineAction(command, context, listMembers, async ({ store, output }) => {
    await output.list(
      await store.webhooks(),
      listView,
      'No partner has a webhook. Run `leads partner webhook set` to set one.',
    );
  });
}

function testCommand(context: CommandContext): Command {
  const command = new Command('test')
    .description('send the event `webhook.test` to the webhook of a partner, and print its response')
    .argument('<partner>', 'name of the partner');
  return defineAction(
    command,
    context,
    {
      partner: 'name of the partner',
      outcome: '`delivered` or `failed`',
      response: 'status of the response, or the error',
    },
    async ({ store, output, storeKeys, sendEvent }, _options: object, [partner]: [string]) => {
      const webhook = await findWebhook(store, partner);
      const { keys, problem } = await storeKeys();
      const secrets = secretsOf(webhook, keys);
      if (secrets === undefined) throw new UserError(problem ?? missingKey(webhook.current.keyId));
      const event = {
        id: `evt_test_${randomBytes(10).toString('hex')}`,
        type: 'webhook.test',
        timestamp: new Date().toISOString(),
        data: {},
      };
      const signal = AbortSignal.timeout(webhookTimeout);
      const { outcome, response } = await sendEvent(webhook.url, secrets, event, signal);
      const to = `${webhook.url} of partner ${JSON.stringify(partner)}`;
      if (outcome === 'failed') throw new UserError(`The event was not accepted by ${to}: ${response}.`);
      await output.done(`The event was accepted by ${to}: ${response}.`, { partner, outcome, response });
    },
  );
}

const attemptMembers = {
  event: 'id of the event, the header `webhook-id`',
  type: 'type of the event; null: the event is no longer stored',
  partner: 'name of the partner',
  lead: 'id of the lead',
  outcome: '`delivered` or `failed`',
  response: 'status of the response, or the error',
  ms: 'duration (ms)',
  started_at: 'when it was sent (ISO 8601)',
};

const attemptView: View<WebhookAttemptRecord, keyof typeof attemptMembers> = {
  columns: {
    STARTED: ({ startedAt }) => ({ time: startedAt }),
    PARTNER: ({ partner }) => partner,
    OUTCOME: ({ outcome }) => outcome,
    RESPONSE: ({ response }) => response,
    MS: ({ startedAt, endedAt }) => String(endedAt - startedAt),
    TYPE: ({ kind }) => kind ?? '-',
    LEAD: ({ leadId }) => leadId,
    ID: ({ eventId }) => eventId,
  },
  narrow: ['STARTED', 'OUTCOME', 'RESPONSE', 'ID'],
  json: (attempt) => ({
    event: attempt.eventId,
    type: attempt.kind,
    partner: attempt.partner,
    lead: attempt.leadId,
    outcome: attempt.outcome,
    response: attempt.response,
    ms: attempt.endedAt - attempt.startedAt,
    started_at: formatTime(attempt.startedAt),
  }),
};

function attemptsCommand(context: CommandContext): Command {
  const command = new Command('attempts')
    .description('list attempts to send events, latest first')
    .argument('[partner]', 'only those of this partner')
    .addOption(limitOption())
    .addOption(wideOption());
  return defineAction(
    command,
    context,
    attemptMembers,
    async ({ store, output }, { limit }: { limit?: number }, [partner]: [string | undefined]) => {
      const rows = output.limit(limit);
      const attempts = await store.webhookAttempts(partner, rows);
      await output.list(attempts, attemptView, 'No events were sent.', rows);
    },
  );
}

function resendCommand(context: CommandContext): Command {
  const command = new Command('resend')
    .description('send events of a partner again: one, or with --failed all whose attempts have failed')
    .argument('<partner>', 'name of the partner')
    .argument('[event]', 'id of the event, from `leads partner webhook attempts`')
    .option('--failed', 'all whose attempts have failed');
  return defineAction(
    command,
    context,
    { partner: 'name of the partner', events: 'number of events that are sent again' },
    async (
      { store, output },
      { failed }: { failed?: true },
      [partner, event]: [string, string | undefined],
    ) => {
      if ((event === undefined) === (failed === undefined)) {
        throw new UserError('Pass the id of an event, or --failed.');
      }
      const events = await store.resendEvents(partner, event);
      await output.done(
        `${counted(events, 'event', 'events')} of partner ${JSON.stringify(partner)} will be sent again.`,
        { partner, events },
      );
    },
  );
}

async function findWebhook(store: Store, partner: string): Promise<WebhookRecord> {
  const webhook = (await store.webhooks()).find((each) => each.partner === partner);
  if (webhook === undefined) throw userErrors.noWebhook(partner);
  return webhook;
}

/** Returns what a new secret is derived from. @throws {UserError} if the store has no key */
async function newSalt({ storeKeys }: Session<string>): Promise<{ keys: StoreKeys; salt: WebhookSalt }> {
  const { keys, problem } = await storeKeys();
  if (keys === undefined) throw new UserError(`Secrets of webhooks need the key of the store. ${problem}`);
  return { keys, salt: { salt: randomBytes(24).toString('base64url'), keyId: keys.current.id } };
}

function secretFor(keys: StoreKeys, { salt }: WebhookSalt): string {
  return keys.current.webhookSecret(salt);
}

function missingKey(id: string): string {
  return `The key of the store with the id ${id} is missing, with which the secret was made. Restore it, or run \`leads partner webhook rotate\`.`;
}

function noteShownOnce({ output, note }: Session<string>): void {
  if (!output.isJson) note('This secret is not shown again. Give it to the partner now.');
}

/** @throws {UserError} if it is not the URL of a receiver */
function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHttp = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (url && isHttp && !url.username && !url.password && !url.hash && text.length <= maxUrlLength)
    return url.href;
  throw new UserError(
    `${JSON.stringify(text)} is not the URL of a webhook: it must start with https://, or http:// for an address in WEBHOOK_ALLOW, have no user, password or fragment, and up to ${maxUrlLength} characters.`,
  );
}
