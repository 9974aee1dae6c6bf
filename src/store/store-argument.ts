import { UserError } from '../errors/user-error.ts';
import { hasPassword, isStoreUrl, shownUrl } from './open.ts';

/** As names of environment variables are written. No URL of a store is. */
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * The URL of the store that an argument on a command line names: a URL without a password, or the name of an environment
 * variable that contains a URL. Every user of the machine can read the arguments of a process, but not its environment.
 *
 * @throws {UserError} if it names no store, or contains a password
 */
export function storeUrlOf(argument: string, environment: NodeJS.ProcessEnv): string {
  if (variableName.test(argument)) return urlIn(argument, environment[argument]);
  if (hasPassword(argument)) {
    throw new UserError(
      `${shownUrl(argument)} contains a password, which every user of this machine can read while the command runs. Put the URL into an environment variable, or into .env, and give the variable's name, such as TARGET_URL; or leave the password out of the URL and use PGPASSFILE or a service. Then change the password.`,
    );
  }
  if (isStoreUrl(argument)) return argument;
  throw new UserError(
    `${shownUrl(argument)} names no store: write it as in DATABASE_URL, or give the name of an environment variable.`,
  );
}

function urlIn(name: string, url: string | undefined): string {
  if (url === undefined || url === '') {
    throw new UserError(
      `The environment variable ${name} is not set. Set it to the URL of a store, as in DATABASE_URL.`,
    );
  }
  if (isStoreUrl(url)) return url;
  // The value may be a secret that was never meant to be a URL.
  throw new UserError(`The environment variable ${name} names no store: write it as in DATABASE_URL.`);
}
