import { Command, Option } from 'commander';
import { removeExpiredEvidence } from '../store/evidence/remove-expired.ts';
import type { Pruned } from '../store/maintenance.ts';
import { pruneAll } from '../store/prune.ts';
import { parseDuration } from '../text/duration.ts';
import { formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { completeEvidence, evidenceKey } from './complete-evidence.ts';
import { confirm, yesOption } from './confirm.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';

interface PruneOptions {
  olderThan: string;
  dryRun?: true;
  yes?: true;
}

/** `leads prune`: removes old data. */
export function pruneCommand(context: CommandContext): Command {
  const command = new Command('prune')
    .description(
      'remove old submissions, cancellations, and leads with their attempts; servers can keep running.\nLeads that can still be called and evidence are kept. Of people who were called, a keyed digest is kept, so that they are not called again.\nEvidence has its own age: EVIDENCE_RETENTION since the last contact with the person',
    )
    .requiredOption('--older-than <duration>', 'remove what was received longer ago than this, such as 400d')
    .addOption(new Option('--dry-run', 'only count what would be removed').conflicts('yes'))
    .addOption(yesOption());
  return defineAction(
    command,
    context,
    {
      submissions: 'number of submissions removed',
      cancellations: 'number of cancellations removed',
      leads: 'number of leads removed; null with --dry-run, which does not count them',
      attempts: 'number of attempts removed; null with --dry-run, which does not count them',
      contacts:
        'number of the removed leads whose phone number was replaced by a digest, which prevents a second call; null with --dry-run',
      without_key:
        'number of delivered leads that keep their phone number, because the store has no key; null with --dry-run',
      evidence:
        'number of entries of evidence removed, whose retention period (EVIDENCE_RETENTION) has ended',
    },
    async (session, { olderThan, dryRun, yes }: PruneOptions) => {
      const { store, output, evidenceRetention } = session;
      const before = Date.now() - parseDuration(olderThan);
      const evidenceBefore = evidenceRetention === undefined ? 0 : Date.now() - evidenceRetention;
      if (dryRun || !yes) {
        const { submissions, cancellations } = await store.countPrunable(before);
        const evidence = await store.countExpiredEvidence(evidenceBefore);
        const change = `${counted(submissions, 'submission', 'submissions')} and ${counted(cancellations, 'cancellation', 'cancellations')} from before ${formatTime(before)} would be removed, with the leads and attempts that nothing else needs. Their evidence stays; of the evidence, ${counted(evidence, 'entry', 'entries')} older than EVIDENCE_RETENTION would be removed`;
        if (dryRun) {
          await output.done(`${change}.`, {
            submissions,
            cancellations,
            leads: null,
            attempts: null,
            contacts: null,
            without_key: null,
            evidence,
          });
          return;
        }
        await confirm(context, change);
      }
      // What is not in the chain of evidence yet must not be removed before.
      const key = evidenceKey(await session.storeKeys());
      await completeEvidence(session, key);
      const evidence = await removeExpiredEvidence(store, evidenceBefore, key);
      const pruned = await pruneAll(store, before);
      const { submissions, cancellations, leads, attempts, contacts, withoutKey } = pruned;
      await output.done(
        `Removed data from before ${formatTime(before)}. Submissions: ${submissions}, cancellations: ${cancellations}, leads: ${leads}, attempts: ${attempts}. Evidence stays; entries of evidence older than EVIDENCE_RETENTION removed: ${evidence}.${describeContacts(pruned)}`,
        { submissions, cancellations, leads, attempts, contacts, without_key: withoutKey, evidence },
      );
    },
  );
}

/** Describes what became of delivered leads, as sentences after another. */
function describeContacts({ contacts, withoutKey }: Pruned): string {
  const replaced =
    contacts === 0
      ? ''
      : ` Phone numbers of delivered leads that were replaced by digests, which prevent a second call: ${contacts}.`;
  if (withoutKey === 0) return replaced;
  return `${replaced} ${counted(withoutKey, 'delivered lead keeps its phone number', 'delivered leads keep their phone numbers')}, because the store has no key to make digests with: set STORE_KEY_FILE, and prune again.`;
}
