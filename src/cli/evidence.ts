import { Command } from 'commander';
import { UserError } from '../errors/user-error.ts';
import {
  type EvidenceHead,
  type MissingKey,
  type Verification,
  verifyEvidence,
} from '../store/evidence/verify.ts';
import { formatDate, formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { collect } from './arguments.ts';
import { completeEvidence, evidenceKey } from './complete-evidence.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';

/** `leads evidence`: the chain of evidence as a whole. */
export function evidenceCommand(context: CommandContext): Command {
  return new Command('evidence')
    .description('evidence of requests, consent and calls, in a chain that shows every change')
    .addCommand(verifyCommand(context));
}

function verifyCommand(context: CommandContext): Command {
  const command = new Command('verify')
    .description(
      'verify the whole chain of evidence: that no entry was changed, removed or moved.\nExits with 1 if it is broken, or if a key is missing that was not forgotten (`leads store forget-key`). Only heads that were logged before show that no entries are missing at its end',
    )
    .option(
      '--head <head>',
      'a head that a server has logged (`12:...`), which the chain must contain; can be repeated',
      (value: string, previous: string[] = []) => collect(value, previous),
    );
  return defineAction(
    command,
    context,
    {
      entries: 'number of entries',
      removed: 'number of them whose content was removed, which the chain documents',
      first: 'number of the first entry; those before were removed after their retention period',
      head: 'the last entry and its MAC, as servers log it; null: there is none',
      without_key: 'number of entries that are not protected by a key',
      restores: 'when the store was restored from a backup (ISO 8601)',
      faults: 'what is wrong: `entry` (null: the chain as a whole), `description`; empty: none was found',
      missing_keys:
        'keys without which a part cannot be verified: `id`, `entries` (number of entries that were not verified), `forgotten_at` (when it was recorded as lost; null: it was not)',
    },
    async (session, { head = [] }: { head?: string[] }) => {
      const { store, output, note, storeKeys } = session;
      const heads = head.map(parseHead);
      const loaded = await storeKeys();
      const { keys, problem, place } = loaded;
      const key = evidenceKey(loaded);
      if (problem !== undefined) note(problem);
      await completeEvidence(session, key);
      const verification = await verifyEvidence(store, keys, heads);
      if (output.isJson) await output.value(verificationJson(verification));
      for (const line of describeVerification(verification, place)) await output.text(line);
      throwUnlessIntact(verification);
    },
  );
}

function parseHead(text: string): EvidenceHead {
  const [, sequence, mac] = /^([1-9][0-9]*):([\w-]{43})$/.exec(text) ?? [];
  if (sequence !== undefined && mac !== undefined) return { sequence: Number(sequence), mac };
  throw new UserError(
    `${JSON.stringify(text)} is not a head. Copy \`head\` from the line "The head of the chain of evidence." of a server's log.`,
  );
}

/** @throws {UserError} if a chain of evidence is broken, or cannot be verified because a key is missing */
export function throwUnlessIntact({ faults, missingKeys }: Verification): void {
  if (faults.length > 0) {
    throw new UserError('The chain of evidence is broken. See docs/operating/evidence.md.');
  }
  if (missingKeys.some(({ forgottenAt }) => forgottenAt === undefined)) {
    throw new UserError(
      'The integrity of the evidence cannot be verified, because a key of the store is missing. See docs/operating/evidence.md.',
    );
  }
}

/** Describes a verification in sentences, one a line. @param place where the keys of the store belong */
export function describeVerification(verification: Verification, place: string): string[] {
  const { entries, head, startSequence, removed, withoutKey, restores, faults, missingKeys } = verification;
  const unverified = missingKeys.map((key) => describeMissingKey(key, place));
  const isKeyMissing = missingKeys.some(({ forgottenAt }) => forgottenAt === undefined);
  if (faults.length > 0) {
    return [
      'The chain of evidence is broken:',
      ...faults.map(({ sequence, description }) =>
        sequence === undefined ? `- ${description}` : `- Entry ${sequence}: ${description}`,
      ),
      ...unverified,
      ...restores.map(describeRestore),
    ];
  }
  if (isKeyMissing) {
    return [
      'The integrity of the evidence cannot be verified, because a key of the store is missing.',
      ...unverified,
      ...restores.map(describeRestore),
    ];
  }
  if (head === undefined) return ['There is no evidence yet.'];
  const lines = [
    `The chain of evidence is intact${unverified.length > 0 ? ' as far as it can be verified' : ''}: ${counted(entries, 'entry', 'entries')}, up to ${head.sequence}:${head.mac}.`,
    ...unverified,
  ];
  if (startSequence > 0) {
    lines.push(`It begins after entry ${startSequence}: the retention period of those before has ended.`);
  }
  if (removed > 0) {
    lines.push(
      `The content of ${counted(removed, 'entry was', 'entries was')} removed, which later entries document.`,
    );
  }
  if (withoutKey > 0) {
    lines.push(
      `${counted(withoutKey, 'entry has', 'entries have')} no protection against deliberate changes, because the store had no key.`,
    );
  }
  return [...lines, ...restores.map(describeRestore)];
}

function describeMissingKey({ id, entries, forgottenAt }: MissingKey, place: string): string {
  const what =
    entries === 0 ? 'Where the chain begins' : `${counted(entries, 'entry', 'entries')} of the chain`;
  if (forgottenAt !== undefined) {
    return `${what} cannot be verified: the key with the id ${id} was forgotten on ${formatDate(forgottenAt)}.`;
  }
  return `${what} cannot be verified without the key with the id ${id}. Restore it from your backup of the key to ${place}, after the current key if there is one.`;
}

function describeRestore(time: number): string {
  return `The store was restored from a backup at ${formatTime(time)}: heads that were logged between the backup and then belong to the store before.`;
}

/** Returns the JSON of a verification. */
export function verificationJson({
  entries,
  removed,
  startSequence,
  head,
  withoutKey,
  restores,
  faults,
  missingKeys,
}: Verification) {
  return {
    entries,
    removed,
    first: startSequence + 1,
    head: head === undefined ? null : `${head.sequence}:${head.mac}`,
    without_key: withoutKey,
    restores: restores.map((time) => formatTime(time)),
    faults: faults.map(({ sequence = null, description }) => ({ entry: sequence, description })),
    missing_keys: missingKeys.map(({ id, entries: unverified, forgottenAt }) => ({
      id,
      entries: unverified,
      forgotten_at: forgottenAt === undefined ? null : formatTime(forgottenAt),
    })),
  };
}
