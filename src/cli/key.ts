import { Command, Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import { newIdentifier } from '../leads/identifier.ts';
import { digestOf, looksLikeKey, newKey } from '../partners/key.ts';
import type { PartnerKeyRecord } from '../store/partner-keys.ts';
import type { Store } from '../store/store.ts';
import { userErrors } from '../store/user-errors.ts';
import { formatRelativeTime } from '../text/duration.ts';
import { formatTime } from '../text/time.ts';
import { defineAction, type Reporter } from './action.ts';
import { parseFutureTime, wideOption } from './arguments.ts';
import { confirm, yesOption } from './confirm.ts';
import type { CommandContext } from './context.ts';
import { checkCommand } from './key-check.ts';
import type { View } from './output.ts';
import { timeOr } from './table.ts';

const listMembers = {
  id: 'id of the key',
  partner: 'name of the partner',
  state:
    '`active`, `expires` (accepted until `expires_at`), `expired`, `revoked`, `suspended` or `deleted` (the partner is)',
  partner_state: '`active`, `suspended` or `deleted`; only keys of active partners are accepted',
  created_at: 'when it was created (ISO 8601)',
  last_used_at: 'when it was last used, recorded within ten seconds (ISO 8601); null: never',
  expires_at: 'when it expires (ISO 8601); null: never',
  revoked_at: 'when it was revoked (ISO 8601); null: not revoked',
  replaced_by: 'id of the key that replaced it; null: none',
  test: 'whether it is a test key, whose requests are about test data',
};

const view: View<PartnerKeyRecord, keyof typeof listMembers> = {
  columns: {
    ID: (key) => key.id,
    PARTNER: (key) => key.partner,
    STATE: (key) => (key.isTest ? `${listedState(key)} (test)` : listedState(key)),
    CREATED: (key) => ({ time: key.createdAt }),
    'LAST USED': (key) => timeOr(key.lastUsedAt, 'never'),
    EXPIRES: (key) => timeOr(key.expiresAt, '-'),
    REVOKED: (key) => timeOr(key.revokedAt, '-'),
    'REPLACED BY': (key) => key.replacedBy ?? '-',
  },
  narrow: ['ID', 'PARTNER', 'STATE', 'CREATED', 'LAST USED', 'EXPIRES'],
  json: (key) => ({
    id: key.id,
    partner: key.partner,
    state: listedState(key),
    partner_state: key.partnerState,
    created_at: formatTime(key.createdAt),
    last_used_at: formatTime(key.lastUsedAt),
    expires_at: formatTime(key.expiresAt),
    revoked_at: formatTime(key.revokedAt),
    replaced_by: key.replacedBy,
    test: key.isTest,
  }),
};

/** Returns the state of a key; `expires` if it is active, but not for ever. */
function listedState({ state, expiresAt }: PartnerKeyRecord): string {
  return state === 'active' && expiresAt !== null ? 'expires' : state;
}

const newKeyMembers = {
  id: 'id of the new key',
  key: 'the new key; it is not shown again',
  partner: 'name of the partner',
  test: 'whether it is a test key, whose requests are about test data',
};

/** Default time for which a rotated key stays valid (ms). */
const defaultRotationPeriod = 7 * 86_400_000;

/** `leads key`: manages the keys of partners. */
export function keyCommand(context: CommandContext): Command {
  return new Command('key')
    .description('the keys with which partners authenticate')
    .addCommand(createCommand(context))
    .addCommand(listCommand(context))
    .addCommand(checkCommand(context))
    .addCommand(rotateCommand(context))
    .addCommand(revokeCommand(context));
}

function createCommand(context: CommandContext): Command {
  const command = new Command('create')
    .description(
      'create a key and print it as JSON; it is not shown again, because only its digest is stored',
    )
    .argument('<partner>', 'name of the partner; a partner can hold several keys')
    .option(
      '--test',
      'create a test key: what is sent with it is stored apart from live data, and reaches no dialler',
    );
  return defineAction(
    command,
    context,
    newKeyMembers,
    async ({ store, ...reporter }, { test: isTest = false }: { test?: boolean }, [partner]: [string]) => {
      // First, so that an operator learns at once if it cannot be created.
      if (isTest) await context.createTestData();
      const created = { id: newIdentifier(), key: newKey({ isTest }), partner, test: isTest };
      await store.addKey(partner, created.id, digestOf(created.key), isTest);
      await reporter.output.value(created);
      noteShownOnce(reporter);
    },
  );
}

function listCommand(context: CommandContext): Command {
  const command = new Command('list')
    .description('list keys with their ids and dates; the keys themselves are not stored')
    .argument('[partner]', 'only keys of this partner, which may be deleted')
    .option('--all', 'include the keys of deleted partners')
    .addOption(wideOption());
  return defineAction(
    command,
    context,
    listMembers,
    async ({ store, output }, { all }: { all?: true }, [partner]: [string | undefined]) => {
      const keys = await Array.fromAsync(store.keys(partner));
      const listed = keys.filter(
        ({ partnerState }) => all || partner !== undefined || partnerState !== 'deleted',
      );
      await output.list(listed, view, 'There are no keys. Run `leads key create` to create one.');
    },
  );
}

function rotateCommand(context: CommandContext): Command {
  const command = new Command('rotate')
    .description(
      'create a replacement for a key and print it as JSON; the old key stays valid until --old-until.\nA key can be replaced once',
    )
    .argument('<id>', 'id of the old key, from `leads key list`')
    .addOption(
      new Option('--old-until <when>', 'when the old key expires: a date or time in UTC, or a duration')
        .argParser(parseFutureTime)
        .default(undefined, '7d'),
    );
  return defineAction(
    command,
    context,
    { ...newKeyMembers, replaces: 'id of the old key', old_until: 'when the old key expires (ISO 8601)' },
    async ({ store, ...reporter }, options: { oldUntil?: number }, [id]: [string]) => {
      checkIsNoKey(id);
      const { oldUntil = Date.now() + defaultRotationPeriod } = options;
      const { isTest } = await findKey(store, id);
      const next = { id: newIdentifier(), key: newKey({ isTest }) };
      const digest = digestOf(next.key);
      const { partner } = await store.rotateKey(id, { id: next.id, digest, oldUntil });
      await reporter.output.value({
        ...next,
        partner,
        test: isTest,
        replaces: id,
        old_until: formatTime(oldUntil),
      });
      noteShownOnce(reporter);
    },
  );
}

function revokeCommand(context: CommandContext): Command {
  const command = new Command('revoke')
    .description('revoke a key; every server rejects it from the next request')
    .argument('<id>', 'id of the key, from `leads key list`')
    .addOption(yesOption());
  return defineAction(
    command,
    context,
    { id: 'id of the key', revoked: 'true' },
    async ({ store, output }, { yes }: { yes?: true }, [id]: [string]) => {
      checkIsNoKey(id);
      const key = await findKey(store, id);
      if (key.revokedAt !== null) {
        const done = `Key ${id} was already revoked at ${formatTime(key.revokedAt)}.`;
        return output.done(done, { id, revoked: true });
      }
      if (!yes) await confirm(context, describeRevocation(key));
      await store.revokeKey(id);
      await output.done(`Revoked key ${id}.`, { id, revoked: true });
    },
  );
}

/** Checks that an id is not a key, which must not be printed. @throws {UserError} */
function checkIsNoKey(id: string): void {
  if (!looksLikeKey(id)) return;
  throw new UserError(
    'This is a key, not the id of one. Run `leads key check`, which reads the key from standard input and prints its id.',
  );
}

/** Returns a key. @throws {UserError} if there is none with this id */
async function findKey(store: Pick<Store, 'keys'>, id: string): Promise<PartnerKeyRecord> {
  for await (const key of store.keys(undefined)) if (key.id === id) return key;
  throw userErrors.noKey(id);
}

/** Describes what revoking a key stops, as a sentence without its full stop. */
function describeRevocation({ id, partner, lastUsedAt }: PartnerKeyRecord): string {
  const use =
    lastUsedAt === null
      ? 'not recorded as used; a use is recorded after up to ten seconds'
      : `last used ${formatRelativeTime(lastUsedAt)}`;
  return `Every request of partner ${JSON.stringify(partner)} with key ${id} (${use}) will be rejected at once, and a revoked key cannot be restored`;
}

function noteShownOnce({ output, note }: Reporter<string>): void {
  if (!output.isJson) note('This key is not shown again. Give it to the partner now.');
}
