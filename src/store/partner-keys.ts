import type { KeyState } from '../partners/key-state.ts';

/** A key without the key itself, which is not stored. */
export interface PartnerKeyRecord {
  id: string;
  partner: string;
  /** State of the partner: the server rejects all keys of one that is suspended or deleted. */
  partnerState: 'active' | 'suspended' | 'deleted';
  /** Whether it is accepted, or why not. */
  state: KeyState;
  createdAt: number;
  /** Id of the key that replaced it; null: none, or unknown. */
  replacedBy: string | null;
  /** The key is rejected from this time on; null: never. */
  expiresAt: number | null;
  revokedAt: number | null;
  /** Time of the last request with the key, recorded every few seconds; null: never used. */
  lastUsedAt: number | null;
  /** Whether it is a test key (see `KeyHolder`). */
  isTest: boolean;
}

/** A key that replaces another. */
export interface NextKey {
  id: string;
  digest: string;
  /** When the replaced key expires. */
  oldUntil: number;
}

/** A key that was replaced. */
export interface RotatedKey {
  /** Name of its partner. */
  partner: string;
}

/** Keys of partners. Each method throws a `UserError` for a name or id that does not exist. */
export interface PartnerKeys {
  /**
   * Adds a key by its digest.
   *
   * @param isTest whether it is a test key (see `KeyHolder`); default: it is not
   * @throws {UserError} if the partner is deleted
   */
  addKey(partner: string, id: string, digest: string, isTest?: boolean): Promise<void>;
  /** Lists keys by id. @param partner undefined: the keys of all partners, including deleted ones */
  keys(partner: string | undefined): AsyncIterable<PartnerKeyRecord>;
  /** Returns the key with a digest; undefined: none. */
  keyByDigest(digest: string): Promise<PartnerKeyRecord | undefined>;
  /** Returns the digests of all keys that are accepted: neither revoked nor expired, of an active partner. */
  activeKeyDigests(): Promise<string[]>;
  /**
   * Replaces a key: adds another of the same kind for the same partner, and sets when the replaced key expires.
   *
   * @throws {UserError} if the key is revoked or expired, or has been replaced already
   */
  rotateKey(id: string, next: NextKey): Promise<RotatedKey>;
  /** Revokes a key. Has no effect if it is revoked already. */
  revokeKey(id: string): Promise<void>;
  /** Records when keys were last used, by their ids. An earlier time than the recorded one is ignored. */
  recordKeyLastUsed(uses: ReadonlyMap<string, number>): Promise<void>;
}
