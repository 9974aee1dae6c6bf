import { Command } from 'commander';
import { newIdentifier } from '../leads/identifier.ts';
import { digestOf, newKey } from '../partners/key.ts';
import type { KeyRecord } from '../store/store.ts';
import { time, type View } from './output.ts';
import { action, type Surroundings } from './session.ts';

const view: View<KeyRecord> = {
  columns: {
    ID: (key) => key.id,
    PARTNER: (key) => key.partner,
    CREATED: (key) => time(key.createdAt),
    REVOKED: (key) => time(key.revokedAt) ?? '-',
  },
  json: (key) => ({
    id: key.id,
    partner: key.partner,
    created_at: time(key.createdAt),
    revoked_at: time(key.revokedAt),
  }),
};

/** `leads key`: the keys that partners send. */
export function keyCommand(surroundings: Surroundings): Command {
  const key = new Command('key').description('the keys that partners send');

  const create = key
    .command('create')
    .description('make a key and print it as JSON; it is shown this once and kept only as a digest')
    .argument('<partner>', 'whose key it is; a partner may hold several');
  action<{ json?: boolean }, [string]>(
    create,
    surroundings,
    async ({ store, output, remark }, { json }, partner) => {
      const created = { id: newIdentifier(), key: newKey(), partner };
      await store.addKey(partner, created.id, digestOf(created.key));
      await output.value(created);
      if (!json) remark('The key is shown this once: hand it to the partner now.');
    },
  );

  const list = key
    .command('list')
    .description('list the keys by their ids; the keys themselves are not stored')
    .argument('[partner]', 'only those of this partner');
  action<object, [string | undefined]>(list, surroundings, async ({ store, output }, _options, partner) => {
    await output.list(store.keys(partner), view, 'There are no keys. `leads key create PARTNER` makes one.');
  });

  const revoke = key
    .command('revoke')
    .description('refuse a key from now on')
    .argument('<id>', 'its id, as `leads key list` shows it');
  action<object, [string]>(revoke, surroundings, async ({ store, output }, _options, id) => {
    await store.revokeKey(id);
    await output.done(`Revoked the key ${id}.`, { id, revoked: true });
  });

  return key;
}
