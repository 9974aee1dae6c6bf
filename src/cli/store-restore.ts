import { Command, Option } from 'commander';
import { markRestored } from '../store/held-leads.ts';
import { backupToRestore, type KeptStore } from '../store/open.ts';
import { formatTime } from '../text/time.ts';
import { defineAction, defineStorelessAction } from './action.ts';
import { confirm, yesOption } from './confirm.ts';
import type { CommandContext } from './context.ts';
import { describeHeld, heldJson, heldMembers, nextSteps } from './held-count.ts';

interface RestoreOptions {
  dryRun?: true;
  yes?: true;
}

/** `leads store restore`: puts a backup in place of the store. */
export function restoreCommand(context: CommandContext): Command {
  const command = new Command('restore')
    .description(
      'put a backup in place of the SQLite store in DATABASE_URL, pause all delivery, and hold the scheduled leads.\nThe dialler may have received them since the backup, or partners may have cancelled them. Stop everything that uses the store first',
    )
    .argument('<file>', 'a file that `leads store backup` has made')
    .addOption(dryRunOption())
    .addOption(yesOption());
  return defineStorelessAction(
    command,
    context,
    {
      store: 'path of the store; with --dry-run, nothing was changed',
      ...heldMembers,
      kept: 'path under which the replaced store is kept, or its log if its file was missing; null: there was nothing',
    },
    async ({ output }, { dryRun, yes }: RestoreOptions, [file]: [string]) => {
      const backup = await backupToRestore(await context.configuredUrl(), file, Date.now());
      const { path: store, summary } = backup;
      const { lastReceivedAt, scheduled } = summary;
      const last = lastReceivedAt === null ? 'is empty' : `ends at ${formatTime(lastReceivedAt)}`;
      const change = `The store ${store} would be replaced by ${file}, which ${last}. ${describeHeld(scheduled, 'would be')}`;
      if (dryRun) {
        await output.done(`${change}.`, { store, ...heldJson(scheduled), kept: null });
        return;
      }
      if (!yes) await confirm(context, change);
      const { kept, result } = await backup.restore(Date.now());
      await output.done(
        `Restored ${store} from ${file}.${describeKept(kept)} ${describeHeld(result, 'are')}. ${nextSteps}`,
        { store, ...heldJson(result), kept: kept?.path ?? null },
      );
    },
  );
}

function describeKept(kept: KeptStore | undefined): string {
  if (kept === undefined) return '';
  return kept.isLogOnly
    ? ` The file of the replaced store was missing; its log is kept as ${kept.path}.`
    : ` The replaced store is kept as ${kept.path}.`;
}

/** `leads store mark-restored`: marks a store that another tool has restored. */
export function markRestoredCommand(context: CommandContext): Command {
  const command = new Command('mark-restored')
    .description(
      'pause all delivery and hold the scheduled leads of a store that was restored with other tools, such as pg_restore.\nRun it before you start a server; if it is interrupted, run it again',
    )
    .option('--backup <name>', 'name of the backup, for the reason of the pause; without personal data')
    .addOption(dryRunOption())
    .addOption(yesOption());
  return defineAction(
    command,
    context,
    heldMembers,
    async ({ store, output }, { backup, dryRun, yes }: RestoreOptions & { backup?: string }) => {
      const restoredAt = Date.now();
      if (dryRun || !yes) {
        const scheduled = await store.countScheduled(restoredAt);
        const change = describeHeld(scheduled, 'would be');
        if (dryRun) {
          await output.done(`${change}.`, heldJson(scheduled));
          return;
        }
        await confirm(context, change);
      }
      const held = await markRestored(store, { backup, restoredAt });
      await output.done(`${describeHeld(held, 'are')}. ${nextSteps}`, heldJson(held));
    },
  );
}

function dryRunOption(): Option {
  return new Option('--dry-run', 'only report what would be done').conflicts('yes');
}
