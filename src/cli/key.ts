import { Command, InvalidArgumentError, Option } from 'commander';
import { newIdentifier } from '../leads/identifier.ts';
import { digestOf, newKey } from '../partners/key.ts';
import type { KeyRecord } from '../store/store.ts';
import { parseDuration } from '../text/duration.ts';
import { time, type View } from './output.ts';
import { action, type CommandContext } from './session.ts';

const view: View<KeyRecord> = {
  columns: {
    ID: (key) => key.id,
    PARTNER: (key) => key.partner,
    CREATED: (key) => time(key.createdAt),
    'LAST USED': (key) => time(key.lastUsedAt) ?? 'never',
    EXPIRES: (key) => time(key.expiresAt) ?? '-',
    REVOKED: (key) => time(key.revokedAt) ?? '-',
  },
  json: (key) => ({
    id: key.id,
    partner: key.partner,
    created_at: time(key.createdAt),
    last_used_at: time(key.lastUsedAt),
    expires_at: time(key.expiresAt),
    revoked_at: time(key.revokedAt),
  }),
};

/** How long a key is good beside the one that takes its place, in milliseconds. */
const graceTime = 7 * 86_400_000;

/** `leads key`: the keys that partners send. */
export function keyCommand(context: CommandContext): Command {
  const key = new Command('key').description('the keys that partners send');

  const create = key
    .command('create')
    .description('make a key and print it as JSON; it is shown this once and kept only as a digest')
    .argument('<partner>', 'whose key it is; a partner may hold several');
  action<{ json?: boolean }, [string]>(
    create,
    context,
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
  action<object, [string | undefined]>(list, context, async ({ store, output }, _options, partner) => {
    await output.list(store.keys(partner), view, 'There are no keys. `leads key create PARTNER` makes one.');
  });

  const rotate = key
    .command('rotate')
    .description(
      'make a key for the holder of another, which is refused after a while; print it as `create` does',
    )
    .argument('<id>', 'the id of the old key, as `leads key list` shows it')
    .addOption(
      new Option('--old-until <when>', 'until when the old key is good as well: a date, a time or a duration')
        .argParser(readMoment)
        .default(undefined, '7d'),
    );
  action<{ json?: boolean; oldUntil?: number }, [string]>(
    rotate,
    context,
    async ({ store, output, remark }, { json, oldUntil = Date.now() + graceTime }, id) => {
      const next = { id: newIdentifier(), key: newKey() };
      const partner = await store.rotateKey(id, { id: next.id, digest: digestOf(next.key), oldUntil });
      await output.value({ ...next, partner, replaces: id, old_until: time(oldUntil) });
      if (!json) remark('The key is shown this once: hand it to the partner now.');
    },
  );

  const revoke = key
    .command('revoke')
    .description('refuse a key from now on')
    .argument('<id>', 'its id, as `leads key list` shows it');
  action<object, [string]>(revoke, context, async ({ store, output }, _options, id) => {
    await store.revokeKey(id);
    await output.done(`Revoked the key ${id}.`, { id, revoked: true });
  });

  return key;
}

/** A moment to come, in milliseconds since 1970: `2026-12-24`, `2026-12-24T18:00:00Z`, or `7d` from now. */
function readMoment(text: string): number {
  const isDate = /^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+Z)?$/.test(text);
  try {
    const moment = isDate ? Date.parse(text) : Date.now() + parseDuration(text);
    if (moment > Date.now()) return moment;
  } catch {
    // What is neither is told below, with what is wrong with a date.
  }
  throw new InvalidArgumentError(
    'It should be a date or time to come, such as 2030-12-24, or a duration such as 7d.',
  );
}
