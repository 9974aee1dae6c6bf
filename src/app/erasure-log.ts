import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { UserError } from '../errors/user-error.ts';
import type { Erasure } from '../store/people.ts';
import { fileOfUrl } from '../store/store-url.ts';
import type { Config } from './config.ts';

/** Returns the erasure log of a configuration; undefined: there is none, because PostgreSQL has no default file. */
export function erasureLogOf({
  databaseUrl,
  erasureLog,
}: Pick<Config, 'databaseUrl' | 'erasureLog'>): ErasureLog | undefined {
  const database = fileOfUrl(databaseUrl);
  const path = erasureLog ?? (database && `${database}.erasures`);
  return path === undefined ? undefined : new ErasureLog(path);
}

/**
 * A file outside the database with the erasures of its store, one JSON object per line. A store that is restored from
 * before an erasure does not contain it, and the file does.
 */
export class ErasureLog {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Returns the erasures in the file; none if it does not exist. @throws {UserError} if it cannot be read */
  read(): Erasure[] {
    if (!existsSync(this.path)) return [];
    const lines = readFileSync(this.path, 'utf8').split('\n');
    return lines.flatMap((line, index) => (line === '' ? [] : [this.#parse(line, index + 1)]));
  }

  /** Appends erasures, and syncs the file. */
  append(erasures: readonly Erasure[]): void {
    if (erasures.length === 0) return;
    const descriptor = openSync(this.path, 'a', 0o600);
    try {
      writeSync(descriptor, erasures.map((erasure) => `${JSON.stringify(recordOf(erasure))}\n`).join(''));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  #parse(line: string, number: number): Erasure {
    const erasure = erasureIn(line);
    if (erasure !== undefined) return erasure;
    throw new UserError(
      `Line ${number} of the erasure log ${this.path} is not an erasure. Restore the file from its backup, or remove the line if it was cut off.`,
    );
  }
}

/** Returns the line of an erasure. Its members are those of the table `erasure`. */
function recordOf({ digest, keyId, erasedAt, evidenceReason }: Erasure): object {
  return { digest, erased_at: erasedAt, key_id: keyId, evidence_reason: evidenceReason };
}

function erasureIn(line: string): Erasure | undefined {
  try {
    const { digest, erased_at: erasedAt, key_id: keyId, evidence_reason: reason } = JSON.parse(line);
    const isComplete =
      typeof digest === 'string' && typeof keyId === 'string' && typeof erasedAt === 'number';
    return isComplete ? { digest, erasedAt, keyId, evidenceReason: reason ?? null } : undefined;
  } catch {
    return undefined;
  }
}
