import { Command, Option } from 'commander';
import { describeSynchronised, synchroniseErasures } from '../app/erasures.ts';
import { markRestored } from '../store/held-leads.ts';
import { type BackupSummary, backupToRestore, type KeptStore } from '../store/open.ts';
import { formatTime } from '../text/time.ts';
import { defineAction, defineStorelessAction } from './action.ts';
import { confirm, yesOption } from './confirm.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';
import { describeHeld, heldJson, heldMembers, nextSteps } from './held-count.ts';

interface RestoreOptions {
  dryRun?: true;
  yes?: true;
}

/** Members of the JSON output of both commands. */
const members = { ...heldMembers, held_already: 'number of leads that were held before' };

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
      ...members,
      kept: 'path under which the replaced store is kept, or its log if its file was missing; null: there was nothing',
    },
    async ({ output, note, actor }, { dryRun, yes }: RestoreOptions, [file]: [string]) => {
      const backup = await backupToRestore(await context.configuredUrl(), file, Date.now());
      const { path: store, summary, isReplacement, latestMigration } = backup;
      const { scheduled, held, migration } = summary;
      const source = `${file}, which ${describeEnd(summary)}`;
      const change = isReplacement
        ? `The store ${store} would be replaced by ${source}.`
        : `There is no file ${store}. It would be created from ${source}.`;
      const migrated =
        migration === latestMigration
          ? ''
          : ` The copy would be migrated from ${migration} to ${latestMigration}, so older versions could not use it.`;
      const consequence = `${change}${migrated} ${describeHeld(scheduled, 'would be')}${describeAlready(held)}`;
      if (dryRun) {
        await output.done(`${consequence}.`, {
          store,
          ...heldJson(scheduled),
          held_already: held,
          kept: null,
        });
        return;
      }
      if (!yes) await confirm(context, consequence);
      let erasures: string | undefined;
      const { kept, result } = await backup.restore(Date.now(), actor, async (copy) => {
        erasures = describeSynchronised(await synchroniseErasures(copy, await context.erasureTools(copy)));
      });
      await output.done(
        `Restored ${store} from ${file}.${describeKept(kept)} ${describeHeld(result, 'are')}${describeAlready(held)}. ${nextSteps}`,
        { store, ...heldJson(result), held_already: held, kept: kept?.path ?? null },
      );
      if (erasures !== undefined) note(erasures);
    },
  );
}

function describeKept(kept: KeptStore | undefined): string {
  if (kept === undefined) return '';
  return kept.isLogOnly
    ? ` The file of the replaced store was missing; its log is kept as ${kept.path}.`
    : ` The replaced store is kept as ${kept.path}.`;
}

/** Describes the last state of a backup, for a relative clause. */
function describeEnd({ lastReceivedAt }: BackupSummary): string {
  return lastReceivedAt === null ? 'contains no submissions' : `ends at ${formatTime(lastReceivedAt)}`;
}

const serving =
  'A server is using the store, or was up to 15 s ago. It may have delivered leads of the backup since the restore: these are not held. Stop every server, then compare the leads that `leads lead list --state dialled` lists with the dialler (docs/operating/backup-and-restore.md).';

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
    {
      ...members,
      server_running:
        'whether a server was using the store, so that it may have delivered leads since the restore',
    },
    async ({ store, output, note }, { backup, dryRun, yes }: RestoreOptions & { backup?: string }) => {
      const restoredAt = Date.now();
      const isServing = await store.isServing();
      if (isServing) note(serving);
      const already = (await store.leadStats()).byState.held;
      if (dryRun || !yes) {
        const scheduled = await store.countScheduled(restoredAt);
        const change = `${describeHeld(scheduled, 'would be')}${describeAlready(already)}`;
        if (dryRun) {
          const json = { ...heldJson(scheduled), held_already: already, server_running: isServing };
          await output.done(`${change}.`, json);
          return;
        }
        await confirm(context, change);
      }
      const held = await markRestored(store, { backup, restoredAt });
      await output.done(`${describeHeld(held, 'are')}${describeAlready(already)}. ${nextSteps}`, {
        ...heldJson(held),
        held_already: already,
        server_running: isServing,
      });
      const erasures = await synchroniseErasures(store, await context.erasureTools(store));
      const described = describeSynchronised(erasures);
      if (described !== undefined) note(described);
    },
  );
}

function dryRunOption(): Option {
  return new Option('--dry-run', 'only report what would be done').conflicts('yes');
}

/** Continues a description, if leads were held already. */
function describeAlready(held: number): string {
  return held === 0 ? '' : `. ${counted(held, 'lead was', 'leads were')} held already`;
}
