import { Command, Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import { isOutdated } from '../leads/registry-age.ts';
import { type DeliveryPause, describePausedTypes } from '../store/delivery-pauses.ts';
import { isRestorePause } from '../store/held-leads.ts';
import type { Store } from '../store/store.ts';
import { formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { wideOption } from './arguments.ts';
import { confirm, yesOption } from './confirm.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';
import { findType } from './find-type.ts';
import type { View } from './output.ts';

/** Maximum length of a reason (characters). */
const maxReasonLength = 500;

const pauseMembers = {
  type: 'name of the lead type; null: all types',
  since: 'when it was paused (ISO 8601)',
  by: 'who paused it: `operator` or `dialler`',
  reason: 'reason for the pause',
  retry_at:
    'when leads are sent again to find out whether the cause was corrected (ISO 8601); null: not before `leads delivery resume`',
};

/** How a pause is displayed. */
export const pauseView: View<DeliveryPause, keyof typeof pauseMembers> = {
  columns: {
    TYPE: ({ type }) => type ?? '(all)',
    SINCE: ({ since }) => ({ time: since }),
    BY: ({ by }) => by,
    REASON: ({ reason, retryAt }) => (retryAt === undefined ? reason : `${reason}; resumes by itself`),
  },
  json: ({ type, since, by, reason, retryAt }) => ({
    type: type ?? null,
    since: formatTime(since),
    by,
    reason,
    retry_at: retryAt === undefined ? null : formatTime(retryAt),
  }),
};

function typeOption(): Option {
  return new Option('--type <name>', 'only leads of this type').default(undefined, 'all types');
}

/** `leads delivery`: pauses and resumes the delivery of due leads. */
export function deliveryCommand(context: CommandContext): Command {
  return new Command('delivery')
    .description('pause and resume the delivery of due leads, on every server')
    .addCommand(pauseCommand(context))
    .addCommand(resumeCommand(context))
    .addCommand(listCommand(context));
}

function pauseCommand(context: CommandContext): Command {
  const command = new Command('pause')
    .description(
      'stop delivering leads until `leads delivery resume`; partners can still add and cancel leads',
    )
    .addOption(typeOption())
    .requiredOption(
      '--reason <text>',
      'reason for the pause; it is stored, displayed and logged, so do not include personal data',
    );
  return defineAction(
    command,
    context,
    { type: 'name of the lead type; null: all types', paused: 'true', reason: 'reason for the pause' },
    async ({ store, output, note }, { type: given, reason: text }: { type?: string; reason: string }) => {
      const reason = parseReason(text);
      const type = given === undefined ? undefined : (await findType(store, given)).name;
      await store.pauseDelivery({ type, by: 'operator', reason });
      await output.done(
        `Paused delivery of ${describePausedTypes(type)}. Every server applies the pause within a second; attempts in flight finish.`,
        { type: type ?? null, paused: true, reason },
      );
      const restore = type === undefined && (await store.pauses()).find(isRestorePause);
      if (restore) note(`The pause of the restore remains: ${asSentence(restore.reason)}`);
    },
  );
}

function resumeCommand(context: CommandContext): Command {
  const command = new Command('resume')
    .description(
      'resume delivery that an operator or the dialler has paused.\nAfter a restore, it asks whether the leads were reviewed',
    )
    .addOption(typeOption())
    .addOption(yesOption());
  return defineAction(
    command,
    context,
    { type: 'name of the lead type; null: all types', paused: 'false' },
    async ({ store, output, note }, { type: given, yes }: { type?: string; yes?: true }) => {
      const type = given === undefined ? undefined : (await findType(store, given)).name;
      if (type === undefined && !yes) await confirmReview(context, store);
      const ended = await store.resumeDelivery(type);
      if (ended.length === 0) {
        throw new UserError(
          `There is no pause of ${describePausedTypes(type)}. Run \`leads delivery list\` to list the pauses.`,
        );
      }
      await output.done(`Resumed delivery of ${describePausedTypes(type)}.`, {
        type: type ?? null,
        paused: false,
      });
      for (const pause of await store.pauses()) note(`Still paused: ${describePause(pause)}`);
    },
  );
}

/** Asks whether the leads were reviewed, if the store was restored. */
async function confirmReview(context: CommandContext, store: Store): Promise<void> {
  const pause = (await store.pauses()).find(isRestorePause);
  if (pause === undefined) return;
  const { scheduled, held } = (await store.leadStats()).byState;
  await confirm(
    context,
    `${asSentence(pause.reason)} ${counted(scheduled, 'scheduled lead', 'scheduled leads')} would be delivered when due, and ${held} would stay held. People whom the dialler has called since the backup would be called again, unless you have resolved their leads`,
  );
}

function listCommand(context: CommandContext): Command {
  const command = new Command('list')
    .description('list pauses with lead type, start, author and reason')
    .addOption(wideOption());
  return defineAction(command, context, pauseMembers, async ({ store, output, note }) => {
    await output.list(await store.pauses(), pauseView, 'Delivery is not paused.');
    for (const registry of await store.registries()) {
      if (registry.types.length === 0 || !isOutdated(registry, Date.now())) continue;
      note(
        `Leads of ${registry.types.join(', ')} wait for a current list of ${registry.name}. Run \`leads suppression registries\`.`,
      );
    }
  });
}

/** Describes a pause in a sentence that starts in lower case. */
export function describePause({ type, by, reason, since, retryAt }: DeliveryPause): string {
  const end = retryAt === undefined ? '' : ' It resumes by itself once the cause is corrected.';
  return `delivery of ${describePausedTypes(type)} has been paused by the ${by} since ${formatTime(since)}: ${reason.replace(/\.$/, '')}.${end}`;
}

function asSentence(reason: string): string {
  return reason.endsWith('.') ? reason : `${reason}.`;
}

function parseReason(text: string): string {
  const reason = text.trim();
  if (reason !== '' && reason.length <= maxReasonLength) return reason;
  throw new UserError(`The reason must have 1 to ${maxReasonLength} characters. Change --reason.`);
}
