import type { Writable } from 'node:stream';
import { Command } from 'commander';
import { UserError } from '../errors/user-error.ts';
import type { Actor } from '../store/audit.ts';
import { type CopiedTable, type CopyProgress, copyStore } from '../store/copy.ts';
import { migrationsOf } from '../store/open.ts';
import type { Store } from '../store/store.ts';
import { isSameStore, redactedUrl } from '../store/store-url.ts';
import type { Tables } from '../store/tables.ts';
import { defineAction, defineStorelessAction } from './action.ts';
import { wideOption } from './arguments.ts';
import { confirm, yesOption } from './confirm.ts';
import type { CommandContext } from './context.ts';
import type { View } from './output.ts';
import { createProgressBar } from './progress-bar.ts';
import { forgetKeyCommand } from './store-key.ts';
import { repairCommand } from './store-repair.ts';
import { markRestoredCommand, restoreCommand } from './store-restore.ts';

const copyMembers = {
  table: 'name of the table',
  rows: 'number of rows',
  sha256: 'SHA-256 of all rows, equal in both stores',
};

const view: View<CopiedTable, keyof typeof copyMembers> = {
  columns: {
    TABLE: (table) => table.name,
    ROWS: (table) => String(table.rows),
    SHA256: (table) => table.digest,
  },
  narrow: ['TABLE', 'ROWS'],
  json: (table) => ({ table: table.name, rows: table.rows, sha256: table.digest }),
};

const storeArgument =
  'a URL as in DATABASE_URL but without a password, such as sqlite:data/leads.db; or the name of a variable that contains a URL';

/** `leads store`: maintains the store as a whole. */
export function storeCommand(context: CommandContext): Command {
  return new Command('store')
    .description(
      'create, migrate, back up, restore, compact, repair and copy the store, and forget a lost key',
    )
    .addCommand(createCommand(context))
    .addCommand(migrateCommand(context))
    .addCommand(backupCommand(context))
    .addCommand(restoreCommand(context))
    .addCommand(markRestoredCommand(context))
    .addCommand(compactCommand(context))
    .addCommand(repairCommand(context))
    .addCommand(copyCommand(context))
    .addCommand(forgetKeyCommand(context));
}

function createCommand(context: CommandContext): Command {
  const command = new Command('create')
    .description(
      'create the store of a new installation, which a server does by itself only in a trial (see BOOTSTRAP)',
    )
    .argument('[store]', `${storeArgument} (default: DATABASE_URL)`);
  return defineStorelessAction(
    command,
    context,
    { store: 'URL of the new store, without its password' },
    async ({ output }, _options: object, [argument]: [string?]) => {
      const url = argument === undefined ? await context.configuredUrl() : context.storeUrl(argument);
      const store = redactedUrl(url);
      const { current } = await migrationsOf(url);
      if (current > 0) {
        throw new UserError(
          `${store} already contains a store, which was not changed. Pass another store, or run \`leads store migrate\`.`,
        );
      }
      // Writes no audit entry: `leads store copy` fills only a store that is empty.
      await (await context.openUrl(url, 'prepare')).close();
      await output.done(`Created the store ${store}.`, { store });
    },
  );
}

function migrateCommand(context: CommandContext): Command {
  const command = new Command('migrate')
    .description('migrate the store to this version, as the start of a server does. Back it up first')
    .addOption(yesOption());
  return defineStorelessAction(
    command,
    context,
    { from: 'number of the last migration before', to: 'number of the last migration now' },
    async ({ output, actor }, { yes }: { yes?: true }) => {
      const url = await context.configuredUrl();
      const { current: from, latest: to } = await migrationsOf(url);
      if (from > 0 && from < to && !yes) {
        await confirm(
          context,
          `The store will be migrated from ${from} to ${to}: servers of older versions stop accepting requests, and the only way back is to restore a backup`,
        );
      }
      if (from === 0 || from === to) await (await context.openUrl(url)).close();
      else await recordMigration(await context.openUrl(url, 'prepare'), actor, from, to);
      const done =
        from === to
          ? `The store is already at migration ${to}.`
          : `Migrated the store from ${from} to ${to}.`;
      await output.done(done, { from, to });
    },
  );
}

/** Records the migration of a store, and closes the store. */
async function recordMigration(store: Store, actor: Actor, from: number, to: number): Promise<void> {
  try {
    store.actAs(actor);
    const subject = { kind: 'store', id: null } as const;
    await store.recordAudit({ subject, before: { migration: from }, after: { migration: to } });
  } finally {
    await store.close();
  }
}

function backupCommand(context: CommandContext): Command {
  const command = new Command('backup')
    .description(
      'back up an SQLite store to a new file; servers can keep running. For PostgreSQL, use pg_dump',
    )
    .argument('<file>', 'a file that does not exist yet');
  return defineAction(
    command,
    context,
    { file: 'the new file' },
    async ({ store, output, note }, _options: object, [file]: [string]) => {
      await store.recordAudit({ subject: { kind: 'store', id: null }, after: { file } });
      const error = await store.backup(file);
      await output.done(`Backed up the store to ${file} and verified the copy.`, { file });
      if (error === undefined) return;
      const reason = error instanceof Error ? error.message : String(error);
      note(
        `The time of the backup could not be recorded for the metric leads_last_backup_timestamp_seconds: ${reason}`,
      );
    },
  );
}

function compactCommand(context: CommandContext): Command {
  const command = new Command('compact').description(
    'rewrite the SQLite file without its free space; all other writes are blocked until it ends',
  );
  return defineAction(command, context, { compacted: 'true' }, async ({ store, output }) => {
    await store.recordAudit({ subject: { kind: 'store', id: null } });
    await store.compact();
    await output.done('Compacted the store.', { compacted: true });
  });
}

function copyCommand(context: CommandContext): Command {
  const command = new Command('copy')
    .description(
      'copy everything to another store, which `leads store create` has created, verify it and list the tables.\nStop the servers of both stores first. To continue an interrupted copy, run the command again',
    )
    .argument('<from>', storeArgument)
    .argument('<to>', 'the same, such as postgres://user@host/database or TARGET_URL')
    .addOption(wideOption());
  return defineStorelessAction(
    command,
    context,
    copyMembers,
    async ({ output, actor }, _options: object, [from, to]: [string, string]) => {
      const [sourceUrl, targetUrl] = [context.storeUrl(from), context.storeUrl(to)];
      if (isSameStore(sourceUrl, targetUrl)) {
        throw new UserError('`<from>` and `<to>` are the same store. Choose another target.');
      }
      const source = await context.openUrl(sourceUrl);
      try {
        const target = await context.openUrl(targetUrl);
        try {
          // Only the source records it, so that the two stay equal: the copy contains the entry.
          source.actAs(actor);
          await source.recordAudit({
            subject: { kind: 'store', id: null },
            after: { copied_to: redactedUrl(targetUrl) },
          });
          const tables = await copyWithProgress(source, target, context.err);
          await output.list(tables, view, '');
        } finally {
          await target.close();
        }
      } finally {
        await source.close();
      }
    },
  );
}

async function copyWithProgress(source: Tables, target: Tables, stream: Writable): Promise<CopiedTable[]> {
  const bar = createCopyProgress(stream);
  try {
    return await copyStore(source, target, bar.progress);
  } finally {
    bar.stop();
  }
}

/** Creates the progress bar of a copy. */
function createCopyProgress(stream: NodeJS.WritableStream): { progress: CopyProgress; stop(): void } {
  const format = '{stage} [{bar}] {percentage}% of {rows} rows, {eta_formatted} left';
  const bar = createProgressBar(stream, format);
  return {
    progress: {
      begin: (rows) => bar.start(2 * rows, 0, { stage: 'Copying  ', rows }),
      done: (stage, rows) => bar.increment(rows, { stage: stage === 'copying' ? 'Copying  ' : 'Verifying' }),
    },
    stop: () => bar.stop(),
  };
}
