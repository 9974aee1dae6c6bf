import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import { UserError } from '../errors/user-error.ts';
import { digestOf, hasKeyForm } from '../partners/key.ts';
import type { PartnerKeyRecord } from '../store/partner-keys.ts';
import { formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { askSecretly } from './confirm.ts';
import type { CommandContext } from './context.ts';
import { isTerminal } from './is-terminal.ts';

const members = {
  id: 'id of the key; null: unknown',
  partner: 'name of the partner; null: unknown',
  state:
    '`active`, `expired`, `revoked`, `suspended` or `deleted` (the partner is), `unknown`, or `malformed` (it does not have the form of a key)',
  expires_at: 'when it expires (ISO 8601); null: never, or unknown',
  revoked_at: 'when it was revoked (ISO 8601); null: not revoked, or unknown',
  replaced_by: 'id of the key that replaced it; null: none, or unknown',
  test: 'whether it is a test key; null: unknown',
};

/** `leads key check`: reports whether a key is accepted, or why not. */
export function checkCommand(context: CommandContext): Command {
  const command = new Command('check').description(
    'read a key from standard input, and print its id, partner and state. In a terminal, the command asks for it and does not show it.\nNever pass a key as an argument: other users of the machine could see it',
  );
  return defineAction(command, context, members, async ({ store, output }) => {
    const key = await readKey(context);
    const record = await store.keyByDigest(digestOf(key));
    if (record === undefined) {
      const state = hasKeyForm(key) ? 'unknown' : 'malformed';
      const sentence = state === 'unknown' ? describeUnknown : describeMalformed(key);
      await output.done(sentence, { ...nothingKnown, state });
      return;
    }
    const kind = record.isTest ? 'Test key' : 'Key';
    await output.done(
      `${kind} ${record.id} of partner ${JSON.stringify(record.partner)} ${describe(record)}`,
      {
        id: record.id,
        partner: record.partner,
        state: record.state,
        expires_at: formatTime(record.expiresAt),
        revoked_at: formatTime(record.revokedAt),
        replaced_by: record.replacedBy,
        test: record.isTest,
      },
    );
  });
}

const nothingKnown = {
  id: null,
  partner: null,
  expires_at: null,
  revoked_at: null,
  replaced_by: null,
  test: null,
};

/** Reads a key. @throws {UserError} if there is none, or several lines */
async function readKey({ input, err }: CommandContext): Promise<string> {
  const read = isTerminal(input)
    ? await askSecretly({ input, err }, 'Key (not shown): ')
    : (await text(input)).trim();
  if (read === '') throw new UserError('Standard input contains no key.');
  if (read.includes('\n')) throw new UserError('Standard input has several lines. Pass one key.');
  return read;
}

const describeUnknown =
  'The store has no such key. It may belong to another deployment, or a character of it may be wrong.';

/** Describes what a text has instead of the form of a key, without the text itself. */
function describeMalformed(text: string): string {
  return `This text of ${text.length} characters does not have the form of a key: \`leads_\` or \`leads_test_\`, and 32 letters, digits, \`-\` or \`_\`, without spaces, quotes or other text. The partner may have mistyped it or copied a part of it.`;
}

function describe({ state, expiresAt, revokedAt, replacedBy }: PartnerKeyRecord): string {
  const replacement = replacedBy === null ? '' : ` It was replaced by key ${replacedBy}.`;
  switch (state) {
    case 'deleted':
      return 'is rejected: the partner is deleted.';
    case 'suspended':
      return 'is rejected: the partner is suspended. Run `leads partner resume` to accept its keys again.';
    case 'revoked':
      return `is rejected: it was revoked at ${formatTime(revokedAt)}.${replacement}`;
    case 'expired':
      return `is rejected: it expired at ${formatTime(expiresAt)}.${replacement}`;
    case 'active':
      return expiresAt === null
        ? 'is active.'
        : `is active until ${formatTime(expiresAt)}, when it expires.${replacement}`;
  }
}
