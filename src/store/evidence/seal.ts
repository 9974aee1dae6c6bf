import { hash } from 'node:crypto';
import type { StoreKey } from '../keys/store-key.ts';
import type { EvidenceEntry } from './evidence.ts';

/** What the digest of an entry covers. */
export type SealedContent = Pick<
  EvidenceEntry,
  'kind' | 'source' | 'sourceId' | 'mobile' | 'otherMobile' | 'happenedAt' | 'recordedAt' | 'content'
>;

/** Returns the MAC of an entry's content. @param key undefined: a plain digest, which only detects accidents */
export function contentDigest(key: StoreKey | undefined, entry: SealedContent): string {
  const { kind, source, sourceId, mobile, otherMobile, happenedAt, recordedAt, content } = entry;
  return macOf(key, [
    'content 1',
    kind,
    source,
    sourceId,
    mobile,
    otherMobile,
    happenedAt,
    recordedAt,
    content,
  ]);
}

/** Returns the MAC of an entry, which ties it to its position and to the entry before. */
export function linkMac(
  key: StoreKey | undefined,
  sequence: number,
  previousMac: string,
  digest: string,
): string {
  return macOf(key, ['link 1', sequence, previousMac, digest]);
}

/** Returns the seal of the beginning of a chain whose first entries were removed. */
export function startSeal(key: StoreKey | undefined, sequence: number, mac: string): string {
  return macOf(key, ['start 1', sequence, mac]);
}

function macOf(key: StoreKey | undefined, values: readonly (string | number | null)[]): string {
  const text = JSON.stringify(values);
  return key === undefined ? hash('sha256', text, 'base64url') : key.evidenceMac(text);
}
