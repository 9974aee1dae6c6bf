import type { Writable } from 'node:stream';
import { SingleBar } from 'cli-progress';
import { Command } from 'commander';
import { UserError } from '../errors/user-error.ts';
import { type CopiedTable, type CopyProgress, copyStore } from '../store/copy.ts';
import type { Archive } from '../store/store.ts';
import type { View } from './output.ts';
import { action, type CommandContext, withOutput } from './session.ts';

const view: View<CopiedTable> = {
  columns: {
    TABLE: (table) => table.name,
    ROWS: (table) => String(table.rows),
    SHA256: (table) => table.digest,
  },
  json: (table) => ({ table: table.name, rows: table.rows, sha256: table.digest }),
};

/** `leads store`: the store as a whole. */
export function storeCommand(context: CommandContext): Command {
  const store = new Command('store').description('the store as a whole');

  const backup = store
    .command('backup')
    .description('copy the store into a new file while servers use it (SQLite; for PostgreSQL see pg_dump)')
    .argument('<file>', 'a file that does not exist yet');
  action<object, [string]>(backup, context, async ({ store: source, output }, _options, file) => {
    await source.backup(file);
    await output.done(`Copied the store to ${file}, and checked the copy.`, { file });
  });

  const compact = store
    .command('compact')
    .description('write the SQLite file anew, as small as it can be; nothing else can be written meanwhile');
  action<object, []>(compact, context, async ({ store: compacted, output }) => {
    await compacted.compact();
    await output.done('Compacted the store.', { compacted: true });
  });

  const repair = store
    .command('repair')
    .description(
      'accept an SQLite file whose log (-wal) is lost, and rebuild its indexes; stop everything that uses the store first',
    );
  withOutput<[]>(repair, context, async (output) => {
    await context.repair();
    await output.done('Repaired the store.', { repaired: true });
  });

  const copy = store
    .command('copy')
    .description(
      'copy everything to another store, check it, and print what was copied; stop the servers of both first. If it is interrupted, run it again: it continues',
    )
    .argument(
      '<from>',
      'URL as in DATABASE_URL, without a password, such as sqlite:data/leads.db; or a variable with a URL',
    )
    .argument(
      '<to>',
      'likewise, such as postgres://user@host/database, or TARGET_URL for the variable of that name',
    );
  withOutput<[string, string]>(copy, context, async (output, from, to) => {
    const [sourceUrl, targetUrl] = [context.storeUrl(from), context.storeUrl(to)];
    if (sourceUrl === targetUrl) throw new UserError('FROM and TO are the same store.');
    const source = await context.openUrl(sourceUrl);
    try {
      const target = await context.openUrl(targetUrl);
      try {
        await output.list(await copyShown(source, target, context.err), view, 'Nothing was there.');
      } finally {
        await target.close();
      }
    } finally {
      await source.close();
    }
  });

  return store;
}

async function copyShown(source: Archive, target: Archive, stream: Writable): Promise<CopiedTable[]> {
  const bar = startBar(stream);
  try {
    return await copyStore(source, target, bar.progress);
  } finally {
    bar.stop();
  }
}

/** A bar in a terminal; a line now and then where the output goes elsewhere. */
function startBar(stream: NodeJS.WritableStream): { progress: CopyProgress; stop(): void } {
  const bar = new SingleBar({
    stream,
    noTTYOutput: true,
    notTTYSchedule: 5_000,
    hideCursor: true,
    format: '{stage} [{bar}] {percentage}% of {rows} rows, {eta_formatted} left',
    barCompleteChar: '=',
    barIncompleteChar: ' ',
  });
  return {
    progress: {
      begin: (rows) => bar.start(2 * rows, 0, { stage: 'Copying ', rows }),
      done: (stage, rows) => bar.increment(rows, { stage: stage === 'copying' ? 'Copying ' : 'Checking' }),
    },
    stop: () => bar.stop(),
  };
}
