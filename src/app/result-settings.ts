import { makeExactValidator } from 'envalid';
import { ConfigError } from '../environment/variables.ts';
import { webhookSecrets } from '../environment/webhook-secrets.ts';
import {
  type CallResult,
  callResults,
  defaultResultCodes,
  isCallResult,
  type ResultCodes,
} from '../leads/call-result.ts';
import { host, portOrOff, publicUrlOrOff } from './config-validators.ts';

/** Where diallers report the results of calls, and what their codes mean. */
export interface ResultSettings {
  host: string;
  port: number;
  /** The current secret, then those that it replaces. */
  secrets: readonly [string, ...string[]];
  /** URL at which the dialler reaches the port, without a slash at its end. Undefined: that of the port itself. */
  url: string | undefined;
  codes: ResultCodes;
}

const codesFormat = `JSON with a result for each code of the dialler, or null for none, such as {"VM": "machine", "NP": null}; the results are ${callResults.join(', ')}`;

/** Accepts the results of codes, which are added to the default ones. */
const resultCodes = makeExactValidator<ResultCodes>((value) => {
  const codes = new Map(defaultResultCodes);
  for (const [code, result] of Object.entries(parseObject(value))) {
    if (result === null) codes.delete(code);
    else if (isCallResult(result)) codes.set(code, result);
    else throw new Error(codesFormat);
  }
  return codes;
});

function parseObject(value: string): object {
  try {
    const json: unknown = JSON.parse(value);
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json;
  } catch {
    // The message below states the form.
  }
  throw new Error(codesFormat);
}

/** The variables of the port for results. */
export const resultVariables = {
  RESULTS_PORT: portOrOff({ default: 'off' }),
  RESULTS_HOST: host({ default: '127.0.0.1' }),
  RESULTS_SECRET: webhookSecrets({ default: undefined }),
  RESULTS_URL: publicUrlOrOff({ default: 'off' }),
  RESULT_CODES: resultCodes({ default: new Map<string, CallResult>(defaultResultCodes) }),
};

/** The values of these variables. */
interface ResultValues {
  RESULTS_PORT: number | 'off';
  RESULTS_HOST: string;
  RESULTS_SECRET: readonly string[] | undefined;
  RESULTS_URL: string;
  RESULT_CODES: ResultCodes;
}

/** Returns the settings of results; undefined: none are received. @throws {ConfigError} if the secret is missing */
export function resultSettings(values: ResultValues): ResultSettings | undefined {
  const { RESULTS_PORT: port, RESULTS_HOST, RESULTS_SECRET, RESULTS_URL, RESULT_CODES } = values;
  if (port === 'off') return undefined;
  const [current, ...replaced] = RESULTS_SECRET ?? [];
  if (current === undefined) {
    throw new ConfigError(
      'RESULTS_SECRET is missing: RESULTS_PORT needs the secret with which results are authenticated, whsec_ followed by 24 to 64 random bytes in base64.',
    );
  }
  const url = RESULTS_URL === 'off' ? undefined : RESULTS_URL;
  return { host: RESULTS_HOST, port, secrets: [current, ...replaced], url, codes: RESULT_CODES };
}
