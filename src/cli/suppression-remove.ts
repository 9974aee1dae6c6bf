import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import { eraseFiles } from '../store/erase-files.ts';
import { stepDelay } from '../store/steps.ts';
import type { Store } from '../store/store.ts';
import type { RemovedSuppressions, SuppressionOrigin } from '../store/suppressions.ts';
import { defineAction } from './action.ts';
import { confirm, confirmElsewhere, yesOption } from './confirm.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';
import { numbersArgument, readMobiles } from './suppression-numbers.ts';
import { describeOrigin } from './suppression-view.ts';

const members = {
  removed: 'number of entries that were removed',
  scheduled_leads: 'ids of the leads that are scheduled again',
};

interface RemoveOptions {
  partner?: string;
  list?: string;
  dialler?: string;
  restoreLeads?: true;
  yes?: true;
}

/** `leads suppression remove`: removes the entries of numbers, or all entries of one origin. */
export function removeCommand(context: CommandContext): Command {
  const command = new Command('remove')
    .description(
      'remove all entries of phone numbers, or everything that one partner sent or one list contained.\nThe people can be added and called again. Remove an objection only if it was entered by mistake, or if the person asks for calls again',
    )
    .addArgument(numbersArgument(false))
    .option('--partner <name>', 'everything that this partner sent, for example with a stolen key')
    .addOption(new Option('--list <name>', 'everything in this imported list').conflicts('partner'))
    .addOption(
      new Option('--dialler <name>', 'everything that this dialler reported').conflicts(['partner', 'list']),
    )
    .option(
      '--restore-leads',
      'also schedule the leads again that these entries suppressed, unless another entry, a cancellation or a later lead prevents it',
    )
    .addOption(yesOption());
  return defineAction(
    command,
    context,
    members,
    async ({ store, parsePhone, output, actor }, options: RemoveOptions, [words]: [string[]]) => {
      const mobiles = await readMobiles(words, context.input, parsePhone);
      const origin = originOf(options);
      if ((origin === undefined) === (mobiles.length === 0)) {
        throw new UserError('Pass phone numbers or `-`, or one of --partner, --list and --dialler.');
      }
      const what =
        origin === undefined
          ? `all entries of ${counted(mobiles.length, 'number', 'numbers')}`
          : `all entries of ${describeOrigin(origin)}`;
      if (!options.yes) {
        const change = `This removes ${what} from the do-not-call list, so that the people can be called again`;
        await (words.includes('-') ? confirmElsewhere(context, change) : confirm(context, change));
      }
      const isRestoring = options.restoreLeads ?? false;
      const { removed, leads } =
        origin === undefined
          ? await removeNumbers(store, mobiles, isRestoring)
          : await removeOrigin(store, origin, isRestoring, actor.operator);
      const restored = isRestoring ? ` Scheduled ${counted(leads.length, 'lead', 'leads')} again.` : '';
      await output.done(`Removed ${counted(removed, 'entry', 'entries')}.${restored}`, {
        removed,
        scheduled_leads: leads,
      });
      // Otherwise the numbers of people who were erased before could still be read in the files.
      await eraseFiles(store);
    },
  );
}

function originOf({ partner, list, dialler }: RemoveOptions): SuppressionOrigin | undefined {
  if (partner !== undefined) return { source: 'partner', sourceId: partner };
  if (list !== undefined) return { source: 'import', sourceId: list };
  return dialler === undefined ? undefined : { source: 'dialler', sourceId: dialler };
}

async function removeNumbers(
  store: Store,
  mobiles: readonly string[],
  isRestoring: boolean,
): Promise<RemovedSuppressions> {
  const total: RemovedSuppressions = { removed: 0, leads: [] };
  for (const mobile of mobiles) addTo(total, await store.removeSuppressions({ mobile }, isRestoring));
  return total;
}

async function removeOrigin(
  store: Store,
  origin: SuppressionOrigin,
  isRestoring: boolean,
  operator: string,
): Promise<RemovedSuppressions> {
  const total: RemovedSuppressions = { removed: 0, leads: [] };
  for (let after: string | undefined = ''; after !== undefined; ) {
    const step = await store.removeSuppressionsOf(origin, after, isRestoring);
    addTo(total, step);
    after = step.next;
    if (after !== undefined) await sleep(stepDelay);
  }
  if (origin.source === 'import' && total.removed > 0) {
    await store.recordRemovedList({ list: origin.sourceId, operator, removed: total.removed });
  }
  return total;
}

function addTo(total: RemovedSuppressions, { removed, leads }: RemovedSuppressions): void {
  total.removed += removed;
  total.leads.push(...leads);
}
