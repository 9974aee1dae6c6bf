import { makeExactValidator } from 'envalid';
import { count, httpUrl, oneOf, readVariables, text } from '../../../environment/variables.ts';
import { type NumberForm, numberForms } from '../../../leads/phone.ts';
import { duplicateCheckForm, isDuplicateCheck } from './duplicate-check.ts';
import { type Lists, listMap, listsFormat } from './lists.ts';
import type { Letters } from './text.ts';

/** The settings of the VICIdial dialler. */
export interface VicidialSettings {
  /** URL of the script of the non-agent API. */
  url: URL;
  user: string;
  password: string;
  lists: Lists;
  numberForm: NumberForm;
  /** Value of add_lead's `duplicate_check` for lists without their own, such as `DUPLIST90DAY`. */
  duplicateCheck: string;
  letters: Letters;
  /** Time for which VICIdial may still be processing a request without a response (ms). */
  maxRuntime: number;
}

const script = '/vicidial/non_agent_api.php';

const duplicateCheck = makeExactValidator<string>((value) => {
  if (isDuplicateCheck(value)) return value;
  throw new Error(duplicateCheckForm);
});

/**
 * Reads the variables of the VICIdial dialler.
 *
 * @throws {ConfigError} if some are missing or invalid
 */
export function readVicidialSettings(environment: NodeJS.ProcessEnv): VicidialSettings {
  const variables = readVariables(environment, {
    DIALLER_URL: httpUrl({ desc: `the URL of VICIdial’s web server, or of its ${script}` }),
    DIALLER_USER: text({ desc: 'a VICIdial user of level 8 that may modify leads and use the API' }),
    DIALLER_PASSWORD: text({ desc: 'the password of that VICIdial user' }),
    DIALLER_LISTS: listMap({ desc: listsFormat }),
    DIALLER_NUMBERS: oneOf(numberForms)({ default: 'significant' }),
    DIALLER_DUPLICATE_CHECK: duplicateCheck({ default: 'DUPLIST' }),
    DIALLER_LETTERS: oneOf(['latin', 'all'])({ default: 'latin' }),
    DIALLER_MAX_RUNTIME: count('milliseconds', 86_400_000)({ default: 600_000 }),
  });
  const url = variables.DIALLER_URL;
  return {
    url: url.pathname === '/' ? new URL(script, url) : url,
    user: variables.DIALLER_USER,
    password: variables.DIALLER_PASSWORD,
    lists: variables.DIALLER_LISTS,
    numberForm: variables.DIALLER_NUMBERS,
    duplicateCheck: variables.DIALLER_DUPLICATE_CHECK,
    letters: variables.DIALLER_LETTERS,
    maxRuntime: variables.DIALLER_MAX_RUNTIME,
  };
}
