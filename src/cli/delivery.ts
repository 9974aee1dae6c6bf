import { Command } from 'commander';
import { UserError } from '../errors/user-error.ts';
import type { DeliveryPause } from '../store/delivery-pause.ts';
import { time, type View } from './output.ts';
import { action, type CommandContext } from './session.ts';

/** Maximum length of a reason, in characters. */
const maxReason = 500;

/** How a pause is shown. */
export const pauseView: View<DeliveryPause> = {
  columns: {
    TYPE: ({ type }) => type ?? '(all)',
    SINCE: ({ since }) => time(since),
    BY: ({ by }) => by,
    REASON: ({ reason }) => reason,
  },
  json: ({ type, since, by, reason }) => ({ type: type ?? null, since: time(since), by, reason }),
};

const typeOption = ['--type <name>', 'only the leads of this type (default: all types)'] as const;

/** `leads delivery`: whether due leads are delivered. */
export function deliveryCommand(context: CommandContext): Command {
  const delivery = new Command('delivery').description('hold due leads back, on every server, and resume');

  const pause = delivery
    .command('pause')
    .description('deliver no further lead until `resume`; leads are accepted and cancelled as before')
    .option(...typeOption)
    .requiredOption('--reason <text>', 'why; it is stored, shown and logged, so name nobody in it');
  type PauseOptions = { type?: string; reason: string };
  action<PauseOptions, []>(pause, context, async ({ store, output }, { type, reason: written }) => {
    const reason = readReason(written);
    await store.pauseDelivery({ type, by: 'operator', reason });
    await output.done(
      `Delivery of ${named(type)} is paused on every server within a second. Attempts in flight end as usual.`,
      { type: type ?? null, paused: true, reason },
    );
  });

  const resume = delivery
    .command('resume')
    .description('deliver again what was paused, by an operator or because the dialler refused the server')
    .option(...typeOption);
  action<{ type?: string }, []>(resume, context, async ({ store, output, remark }, { type }) => {
    const ended = await store.resumeDelivery(type);
    if (ended.length === 0) {
      throw new UserError(`Delivery of ${named(type)} is not paused. Run \`leads delivery list\`.`);
    }
    await output.done(`Delivery of ${named(type)} is resumed.`, { type: type ?? null, paused: false });
    for (const left of await store.pauses()) remark(`Still paused: ${pauseSentence(left)}`);
  });

  const list = delivery.command('list').description('list what is paused, since when, by whom and why');
  action(list, context, async ({ store, output }) => {
    await output.list(await store.pauses(), pauseView, 'Nothing is paused.');
  });

  return delivery;
}

/** A pause as a sentence. */
export function pauseSentence({ type, by, reason, since }: DeliveryPause): string {
  return `delivery of ${named(type)} is paused by the ${by} since ${time(since)}: ${reason.replace(/\.$/, '')}.`;
}

function named(type: string | undefined): string {
  return type === undefined ? 'all lead types' : `the lead type ${JSON.stringify(type)}`;
}

function readReason(written: string): string {
  const reason = written.trim();
  if (reason !== '' && reason.length <= maxReason) return reason;
  throw new UserError(
    `A reason has 1 to ${maxReason} characters. Give --reason a sentence that others understand.`,
  );
}
