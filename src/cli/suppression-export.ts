import { Command, Option } from 'commander';
import { type SuppressionSource, suppressionSources } from '../store/suppressions.ts';
import { defineAction } from './action.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';
import { suppressionMembers, suppressionView } from './suppression-view.ts';

/** `leads suppression export`: writes the do-not-call list as CSV, which `import` reads. */
export function exportSuppressionsCommand(context: CommandContext): Command {
  const command = new Command('export')
    .description(
      'write the do-not-call list to standard output as CSV, which `leads suppression import` reads, or as JSON.\nThe output contains personal data',
    )
    .addOption(new Option('--source <source>', 'only entries of this source').choices(suppressionSources))
    .option('--source-id <name>', 'only entries of this partner, imported list or dialler');
  return defineAction(
    command,
    context,
    suppressionMembers,
    async (
      { store, output, note },
      { source, sourceId }: { source?: SuppressionSource; sourceId?: string },
    ) => {
      const filter = { ...(source !== undefined && { source }), ...(sourceId !== undefined && { sourceId }) };
      const entries = store.suppressions(filter, Number.MAX_SAFE_INTEGER);
      const count = output.isJson
        ? await output.jsonLines(entries, suppressionView)
        : await output.csv(entries, suppressionView, suppressionMembers);
      note(`Exported ${counted(count, 'entry', 'entries')}.`);
    },
  );
}
