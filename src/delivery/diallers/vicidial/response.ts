import type { DeliveryResult, DiallerPause } from '../../dialler.ts';

/** A line of VICIdial's non-agent API: `ERROR: add_lead INVALID PHONE NUMBER LENGTH - 12|leadsapi`. */
export interface Line {
  kind: 'SUCCESS' | 'NOTICE' | 'ERROR';
  /** The part before the values. The values repeat the number, the user and, after a failed login, the password. */
  message: string;
  values: string[];
}

/** Time after which the next attempt finds out whether the cause of a pause was corrected (ms). */
const retryInterval = 60_000;

/**
 * VICIdial locks a user for 15 minutes from its last successful login (ms). Attempts during the lock do not prolong it.
 */
const lockDuration = 15 * 60_000;

/** Error of VICIdial's database, not about the lead. */
const databaseError = /^add_lead LEAD HAS NOT BEEN ADDED/;

/** Errors about the configuration of a list or its campaign. */
const listError =
  /(NOT AN? (DEFINED|ALLOWED|VALID)|INVALID) (LIST|CAMPAIGN)|(LIST|CAMPAIGN)( ID)? (DOES NOT EXIST|NOT (VALID|FOUND))/i;

/** What to do about an error that concerns every lead, and when the next attempt may be made. */
const senderErrors: readonly [error: RegExp, remedy: string, retryAfter: number | undefined][] = [
  [
    /^Login incorrect/i,
    'check DIALLER_USER and DIALLER_PASSWORD, and that the user is active and logs in without a second factor',
    undefined,
  ],
  [/^Too many login attempts/i, 'VICIdial has locked the user', lockDuration],
  [/^Your IP Address/i, 'allow the IP address of this server in VICIdial', lockDuration],
  [
    /^auth |DOES NOT HAVE PERMISSION|user_group DOES NOT EXIST/i,
    'correct the level, permissions and group of DIALLER_USER in VICIdial',
    retryInterval,
  ],
  [/^NO FUNCTION SPECIFIED/i, 'check that DIALLER_URL is the URL of non_agent_api.php', undefined],
];

/** Returns the lines of a response. Other output, such as PHP's warnings, may surround them. */
export function parseLines(text: string): Line[] {
  return [...text.matchAll(/(SUCCESS|NOTICE|ERROR): ([^\r\n]*)/g)].map(([, kind, rest = '']) => {
    // The values follow " - ", ": " or ": |".
    const [, message = '', values = ''] = /^(.*?)(?: - |: ?\||: |\||$)(.*)$/.exec(rest) ?? [];
    // The cast: the expression above matches these three words only.
    return { kind: kind as Line['kind'], message: message.trim(), values: values.split('|') };
  });
}

/** Returns the pause for an error that concerns every lead; undefined: it is another error. */
export function senderPause(message: string): DiallerPause | undefined {
  const [, remedy, retryAfter] = senderErrors.find(([error]) => error.test(message)) ?? [];
  if (remedy === undefined) return undefined;
  return { reason: `${message}: ${remedy}`, ...(retryAfter !== undefined && { retryAfter }) };
}

/** Returns whether a login has failed: each further one would bring the user closer to its lock, or is refused by it. */
export function isLoginPause(pause: DiallerPause | undefined): boolean {
  return /^(Login incorrect|Too many login attempts)/i.test(pause?.reason ?? '');
}

/** Returns the pause of a lead type whose leads cannot be delivered until an operator has corrected something. */
export function typePause(reason: string): DiallerPause {
  return { reason, isOfType: true, retryAfter: retryInterval };
}

/** Returns whether the user may not use a function. */
export function isPermissionError(message: string): boolean {
  return /PERMISSION/.test(message);
}

/**
 * Limits the pause of a result to the lead's type if the user may not use a function: only the leads that need it have
 * to wait.
 */
export function limitPause(name: string, result: DeliveryResult): DeliveryResult {
  if (result.pause === undefined || !isPermissionError(result.response)) return result;
  return { ...result, pause: typePause(`${result.pause.reason} (${name})`) };
}

/** What add_lead did: it added the lead, found another with its number, or neither. */
export type AddResult =
  | { kind: 'added'; id: string; list: string }
  | { kind: 'duplicate'; message: string; id: string | undefined; list: string }
  | { kind: 'refused'; result: DeliveryResult };

/**
 * Interprets the response of add_lead.
 *
 * @param list id of the list, for messages
 */
export function addResult(lines: readonly Line[], list: string): AddResult {
  const added = lines.find(({ kind, message }) => kind === 'SUCCESS' && message.startsWith('add_lead '));
  if (added !== undefined) {
    return { kind: 'added', id: idOf(added.values[2]) ?? '?', list: idOf(added.values[1]) ?? list };
  }
  const error = lines.find(({ kind }) => kind === 'ERROR');
  if (error !== undefined && /^add_lead DUPLICATE /.test(error.message)) {
    const [, , id, otherList] = error.values;
    return { kind: 'duplicate', message: error.message, id: idOf(id), list: idOf(otherList) ?? list };
  }
  return { kind: 'refused', result: refusal(error?.message, list) };
}

/** Returns the result of a response that is an error, or that is not from VICIdial's API (undefined). */
function refusal(message: string | undefined, list: string): DeliveryResult {
  if (message === undefined) return { outcome: 'unknown', response: notFromVicidial };
  if (databaseError.test(message)) return { outcome: 'unavailable', response: message };
  if (listError.test(message)) return listRefusal(message, list);
  if (message.startsWith('add_lead ')) {
    return { outcome: 'rejected', response: `${message} (list ${list})`, isFinal: true };
  }
  return { outcome: 'unknown', response: message };
}

/** Returns the result of an error about a list: its leads wait until the list is corrected. */
export function listRefusal(message: string, list: string): DeliveryResult {
  const reason = `${message} (list ${list}): correct DIALLER_LISTS, or the list and the permissions of DIALLER_USER in VICIdial`;
  return { outcome: 'unavailable', response: `${message} (list ${list})`, pause: typePause(reason) };
}

/** Returns whether a message is about the configuration of a list. */
export function isListError(message: string): boolean {
  return listError.test(message);
}

/** Response of a server that is not VICIdial's, or of a script that has failed. */
export const notFromVicidial = 'the response is not from VICIdial’s API';

/** Notices that data was lost: `CUSTOM FIELDS NOT ADDED`. */
export function isLoss({ kind, message }: Line): boolean {
  return kind === 'NOTICE' && /CUSTOM FIELDS .*\bNOT\b/.test(message);
}

/** Returns an id of VICIdial; undefined: it is another text, which may be personal data. */
function idOf(value: string | undefined): string | undefined {
  const id = value?.trim();
  return id !== undefined && /^\d{1,14}$/.test(id) ? id : undefined;
}
