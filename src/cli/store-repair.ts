import { Command } from 'commander';
import { repairStore } from '../store/open.ts';
import { defineStorelessAction } from './action.ts';
import type { CommandContext } from './context.ts';
import { describeHeld, heldJson, heldMembers, nextSteps } from './held-count.ts';

/** `leads store repair`: accepts a store whose log is lost. */
export function repairCommand(context: CommandContext): Command {
  const command = new Command('repair').description(
    'accept an SQLite file whose log (-wal) is lost, pause all delivery and hold the scheduled leads, because cancellations and\ndeliveries in the log are lost too; rebuild the indexes. Stop everything that uses the store first',
  );
  return defineStorelessAction(
    command,
    context,
    {
      repaired: 'true',
      log_lost: 'whether the log was lost; if not, no lead is held and delivery is not paused',
      ...heldMembers,
    },
    async ({ output, actor }) => {
      const held = await repairStore(await context.configuredUrl(), Date.now(), actor);
      const lost =
        held &&
        ` Its log was lost: the last leads, cancellations, deliveries and changes of operators may be missing. ${describeHeld(held, 'are', 'before the log was lost')}. ${nextSteps}`;
      await output.done(`Repaired the store.${lost ?? ''}`, {
        repaired: true,
        log_lost: held !== undefined,
        ...heldJson(held ?? { leads: 0, mayHaveArrived: 0 }),
      });
    },
  );
}
