import { Command } from 'commander';
import type { EvidenceEntry } from '../store/evidence/evidence.ts';
import { verifyEvidence } from '../store/evidence/verify.ts';
import type { Erasure } from '../store/people.ts';
import { formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { completeEvidence, evidenceKey } from './complete-evidence.ts';
import type { CommandContext } from './context.ts';
import { describeVerification, throwUnlessIntact, verificationJson } from './evidence.ts';
import { evidenceDocument } from './evidence-document.ts';
import { importsAbout } from './person-imports.ts';
import { numberArgument, readNumber } from './person-number.ts';

/** `leads person evidence`: prints the evidence about a person as one document. */
export function personEvidenceCommand(context: CommandContext): Command {
  const command = new Command('evidence')
    .description(
      'print the evidence about a person as one document: requests with consent, calls and objections.\nFinds the person under `mobile` and `other_phone`, and verifies the chain of evidence. Exits with 1 if it is broken, or if a key is missing',
    )
    .addArgument(numberArgument('<number>'));
  return defineAction(
    command,
    context,
    {
      mobile: 'the phone number (E.164)',
      printed_at: 'when it was printed (ISO 8601)',
      erasures:
        'when the person was erased: `erased_at` (ISO 8601), `evidence_reason` (why evidence was erased too; null: it was kept, restricted); null: the store has no key',
      entries:
        '`entry` (its number in the chain), `kind`, `happened_at`, `recorded_at`, `mobile`, `other_phone`, `content`, `key_id`, `mac`',
      chain: 'as `leads evidence verify --json` prints it',
    },
    async (session, _options: object, [number]: [string]) => {
      const { store, output, note, storeKeys } = session;
      const mobile = await readNumber(number, context, session);
      const loaded = await storeKeys();
      const { keys, problem, place } = loaded;
      const key = evidenceKey(loaded);
      if (problem !== undefined) note(problem);
      await completeEvidence(session, key);
      // Under a digest: what was recorded after an erasure.
      const recorded = [mobile, ...(keys?.personDigests(mobile) ?? [])].map((each) => store.evidenceOf(each));
      const own = (await Promise.all(recorded)).flat();
      const entries = [...own, ...(await importsAbout(store, mobile, own))].toSorted(
        (one, other) => one.sequence - other.sequence,
      );
      const verification = await verifyEvidence(store, keys);
      const erasures = keys && (await store.erasuresOf(keys.personDigests(mobile)));
      const subjectId = keys?.current.personDigest(mobile) ?? null;
      await store.recordAudit({ subject: { kind: 'person', id: subjectId } });
      const printedAt = Date.now();
      if (output.isJson) {
        const chain = verificationJson(verification);
        await output.value({
          mobile,
          printed_at: formatTime(printedAt),
          erasures: erasures?.map(erasureJson) ?? null,
          entries: entries.map(entryJson),
          chain,
        });
      } else {
        const sentences = describeVerification(verification, place);
        for (const line of evidenceDocument(mobile, printedAt, entries, erasures, sentences))
          await output.text(line);
      }
      throwUnlessIntact(verification);
    },
  );
}

function erasureJson({ erasedAt, evidenceReason }: Erasure) {
  return { erased_at: formatTime(erasedAt), evidence_reason: evidenceReason };
}

function entryJson(entry: EvidenceEntry) {
  const { sequence, kind, happenedAt, recordedAt, mobile, otherMobile, content, keyId, mac } = entry;
  return {
    entry: sequence,
    kind,
    happened_at: formatTime(happenedAt),
    recorded_at: formatTime(recordedAt),
    mobile,
    other_phone: otherMobile,
    content: content === null ? null : JSON.parse(content),
    key_id: keyId,
    mac,
  };
}
