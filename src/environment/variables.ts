import { type CleanedEnv, cleanEnv, makeExactValidator, type ValidatorSpec } from 'envalid';

/** One or more environment variables are missing or invalid; the message has one line for each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads environment variables. The message that a validator throws completes the sentence "NAME must be".
 *
 * @throws {ConfigError} naming each variable that is missing or invalid, and what it must be
 */
export function readVariables<Specs extends Record<string, ValidatorSpec<unknown>>>(
  environment: NodeJS.ProcessEnv,
  specs: Specs,
): CleanedEnv<Specs> {
  return cleanEnv(environment, specs, {
    reporter: ({ errors }) => {
      const lines = Object.entries(errors).map(([name, error]) =>
        environment[name] === undefined
          ? `${name} is missing: ${specs[name]?.desc}.`
          : `${name} must be ${error?.message}; ${currentValue(name, environment[name])}.`,
      );
      if (lines.length > 0) throw new ConfigError(lines.join('\n'));
    },
  });
}

/** Creates a validator that accepts one of a few words. */
export function oneOf<Choice extends string>(choices: readonly Choice[]) {
  return makeExactValidator<Choice>((value) => {
    const choice = choices.find((each) => each === value);
    if (choice !== undefined) return choice;
    throw new Error(`one of ${choices.join(', ')}`);
  });
}

/** Creates a validator that accepts a whole number from 1 to `max`. */
export function count(unit: string, max: number) {
  return makeExactValidator<number>((value) => {
    const number = Number(value);
    if (/^[0-9]+$/.test(value) && number >= 1 && number <= max) return number;
    throw new Error(`a number of ${unit}, from 1 to ${max}`);
  });
}

/** Accepts an HTTP or HTTPS URL without credentials. */
export const httpUrl = makeExactValidator<URL>((value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url && isHttp && !url.username && !url.password) return url;
  throw new Error('a URL that starts with https:// or http:// and contains no user or password');
});

/** Accepts any text that is not blank. */
export const text = makeExactValidator<string>((value) => {
  if (value.trim() !== '') return value;
  throw new Error('text that is not blank');
});

/** Describes the current value without repeating a secret, such as one in a URL: the message may be logged. */
function currentValue(name: string, value: string | undefined): string {
  const isSecret = name === 'DATABASE_URL' ? /[@?]/.test(value ?? '') : /SECRET|PASSWORD|URL|KEY/.test(name);
  return isSecret ? 'its value is not shown because it may be secret' : `it is ${JSON.stringify(value)}`;
}
