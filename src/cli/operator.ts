import { hostname, userInfo } from 'node:os';
import { UserError } from '../errors/user-error.ts';
import type { Actor } from '../store/audit.ts';

/** Maximum length of LEADS_OPERATOR (characters). */
const maxLength = 100;

/**
 * Returns who runs a command, for the audit log: LEADS_OPERATOR, the user who called `sudo`, or the user of the
 * process.
 *
 * @throws {UserError} if LEADS_OPERATOR is too long, or contains control characters
 */
export function operatorIn(environment: NodeJS.ProcessEnv): Pick<Actor, 'operator' | 'host'> {
  const named = environment['LEADS_OPERATOR']?.trim() ?? '';
  if (named.length > maxLength || /\p{Cc}/u.test(named)) {
    throw new UserError(
      `LEADS_OPERATOR must be a name of up to ${maxLength} characters, without control characters.`,
    );
  }
  const operator = named || environment['SUDO_USER'] || userName();
  return { operator, host: hostname() };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a user without an entry in /etc/passwd.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
