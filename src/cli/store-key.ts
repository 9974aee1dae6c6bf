import { Command } from 'commander';
import { UserError } from '../errors/user-error.ts';
import type { StoreKeyUses } from '../store/keys/store-key-records.ts';
import { userErrors } from '../store/user-errors.ts';
import { defineAction } from './action.ts';
import { confirm, yesOption } from './confirm.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';

/** `leads store forget-key`: allows a store to be used without a key that is lost. */
export function forgetKeyCommand(context: CommandContext): Command {
  const command = new Command('forget-key')
    .description(
      'record that a key of the store is lost, so that the store can be used with a new one.\nDescribes first what is lost with it. Nothing is removed: if the key is found, add it to the file after the current one',
    )
    .argument('<id>', 'id of the lost key, which servers and commands report')
    .addOption(yesOption());
  return defineAction(
    command,
    context,
    {
      id: 'id of the lost key',
      evidence: 'number of entries of evidence that can no longer be verified',
      erasures: 'number of erased people who are not erased again after a restore',
      suppressions:
        'number of erased people in the do-not-call list and the lists of registries; those whose digests were made with the key are not recognised',
      contacts:
        'number of called people whose leads were pruned; those whose digests were made with the key are not recognised',
    },
    async ({ store, output, storeKeys }, { yes }: { yes?: true }, [id]: [string]) => {
      const { keys, place } = await storeKeys();
      if (keys?.byId(id) !== undefined) {
        throw new UserError(`The key with the id ${id} is not lost: it is in ${place}. Nothing was changed.`);
      }
      if (!(await store.storeKeyIds()).includes(id)) throw userErrors.noStoreKey(id);
      const uses = await store.usesOfStoreKey(id);
      if (!yes) await confirm(context, describeLoss(id, uses));
      await store.forgetStoreKey(id);
      const next =
        keys === undefined
          ? ` Back up the new key: an SQLite store creates it with the next command unless STORE_KEY_FILE is set; otherwise write the output of \`openssl rand -hex 32\` to ${place}. Then restart every server.`
          : '';
      await output.done(`The store no longer expects the key with the id ${id}.${next}`, { id, ...uses });
    },
  );
}

/** Describes what is lost with a key, as sentences without the last full stop. */
function describeLoss(id: string, { evidence, erasures, suppressions, contacts }: StoreKeyUses): string {
  return [
    `The key with the id ${id} will be treated as lost`,
    `${counted(evidence, 'entry', 'entries')} of evidence can be read, but no longer verified`,
    `${counted(erasures, 'erased person is', 'erased people are')} not erased again after a restore`,
    `Digests that were made with the key recognise nobody: of ${counted(suppressions, 'erased person', 'erased people')} in the do-not-call list and the lists of registries, and of ${counted(contacts, 'called person', 'called people')} whose leads were pruned. They can be called again`,
  ].join('. ');
}
