import { UserError } from '../errors/user-error.ts';
import { hasPassword, isStoreUrl, redactedUrl } from './store-url.ts';

/** Name of an environment variable. No URL of a store matches. */
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Returns the URL of the store that a command-line argument refers to: a URL without a password, or the name of an
 * environment variable that contains a URL. Every user of the machine can read the arguments of a process, but not its
 * environment.
 *
 * @throws {UserError} if it is not the URL of a store, or contains a password
 */
export function storeUrlOf(argument: string, environment: NodeJS.ProcessEnv): string {
  if (variableName.test(argument)) return urlIn(argument, environment[argument]);
  if (hasPassword(argument)) {
    throw new UserError(
      `${redactedUrl(argument)} contains a password, which every user of this machine can read while the command runs. Set an environment variable to the URL, in .env for example, and pass the variable's name, such as TARGET_URL; or leave the password out of the URL and use a password file (PGPASSFILE) or a service (PGSERVICE). Then change the password.`,
    );
  }
  if (isStoreUrl(argument)) return argument;
  throw new UserError(
    `${redactedUrl(argument)} is not the URL of a store. Pass a URL as in DATABASE_URL, or the name of an environment variable.`,
  );
}

function urlIn(name: string, url: string | undefined): string {
  if (url === undefined || url === '') {
    throw new UserError(
      `Environment variable ${name} is not set. Set it to the URL of a store, as in DATABASE_URL.`,
    );
  }
  if (isStoreUrl(url)) return url;
  // The message omits the value, which may be a secret.
  throw new UserError(
    `Environment variable ${name} does not contain the URL of a store. Set it to a URL as in DATABASE_URL.`,
  );
}
