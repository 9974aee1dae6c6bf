import type { Partner } from './partner.ts';

/** Why a known key is rejected: its partner is deleted or suspended, or the key itself is revoked or has expired. */
export type RejectionReason = 'deleted' | 'revoked' | 'expired' | 'suspended';

/** Whether requests with a key are accepted, or why not. */
export type KeyState = 'active' | RejectionReason;

/** A known key whose requests are rejected. */
export interface RejectedKey {
  keyId: string;
  /** Digest of the key. */
  digest: string;
  partner: Partner;
  reason: RejectionReason;
}

/** Describes in a sentence, for operators, why a key is rejected. Responses never contain it. */
export function describeRejection({ keyId, reason }: Pick<RejectedKey, 'keyId' | 'reason'>): string {
  switch (reason) {
    case 'deleted':
    case 'suspended':
      return `The partner is ${reason} (key ${keyId}).`;
    case 'revoked':
      return `The key ${keyId} is revoked.`;
    case 'expired':
      return `The key ${keyId} has expired.`;
  }
}
