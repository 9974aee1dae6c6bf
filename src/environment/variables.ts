import { type CleanedEnv, cleanEnv, makeExactValidator, type ValidatorSpec } from 'envalid';

/** Variables that are not what they should be; the message has a line for each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** What a set of variables is read as. */
export type Values<Specs> = CleanedEnv<Specs>;

/**
 * Reads variables of the environment. What a validator throws completes the sentence "NAME should be".
 *
 * @throws {ConfigError} naming each variable that is wrong, and what it should be
 */
export function readVariables<Specs extends Record<string, ValidatorSpec<unknown>>>(
  environment: NodeJS.ProcessEnv,
  specs: Specs,
): Values<Specs> {
  return cleanEnv(environment, specs, {
    reporter: ({ errors }) => {
      const lines = Object.entries(errors).map(([name, error]) =>
        environment[name] === undefined
          ? `${name} is missing: ${specs[name]?.desc}.`
          : `${name} should be ${error?.message}; it is ${shown(name, environment[name])}.`,
      );
      if (lines.length > 0) throw new ConfigError(lines.join('\n'));
    },
  });
}

/** One of a few words. */
export function oneOf<Choice extends string>(choices: readonly Choice[]) {
  return makeExactValidator<Choice>((written) => {
    const choice = choices.find((each) => each === written);
    if (choice !== undefined) return choice;
    throw new Error(`one of ${choices.join(', ')}`);
  });
}

/** A whole number of something, from 1 to `most`. */
export function count(what: string, most: number) {
  return makeExactValidator<number>((written) => {
    const number = Number(written);
    if (/^[0-9]+$/.test(written) && number >= 1 && number <= most) return number;
    throw new Error(`a number of ${what}, from 1 to ${most}`);
  });
}

/** The address of a server. */
export const httpUrl = makeExactValidator<URL>((written) => {
  const url = URL.canParse(written) ? new URL(written) : undefined;
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url && isHttp && !url.username && !url.password) return url;
  throw new Error('an address that begins with https:// or http://, without a user and a password');
});

/** Text that is not empty. */
export const text = makeExactValidator<string>((written) => {
  if (written.trim() !== '') return written;
  throw new Error('text that is not empty');
});

/** What is secret is not repeated: an error message may end in a log. An address often holds a secret. */
function shown(name: string, value: string | undefined): string {
  const isSecret = name === 'DATABASE_URL' ? /[@?]/.test(value ?? '') : /SECRET|PASSWORD|URL/.test(name);
  return isSecret ? 'something else' : JSON.stringify(value);
}
