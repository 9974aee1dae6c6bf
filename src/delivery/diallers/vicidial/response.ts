import type { DeliveryResult } from '../../dialler.ts';

/** A line of VICIdial's non-agent API: `ERROR: add_lead INVALID PHONE NUMBER LENGTH - 12|leadsapi`. */
interface Line {
  kind: 'SUCCESS' | 'NOTICE' | 'ERROR';
  /** The part before the values. The values repeat the number, the user and, after a failed login, the password. */
  message: string;
  values: string[];
}

/** Errors about the sender, not the lead: another attempt could lock the user. */
const senderError =
  /^(Login incorrect|Too many login attempts|Your IP Address|auth |.*DOES NOT HAVE PERMISSION|NO FUNCTION SPECIFIED)/i;

/** Error of VICIdial's database, not about the lead. */
const databaseError = /^add_lead LEAD HAS NOT BEEN ADDED/;

/**
 * Returns the result of add_lead. VICIdial always responds with status 200 and lines of text, and other output may
 * precede them.
 *
 * @param mayHaveArrived whether an earlier attempt may have delivered the lead: a duplicate is then this lead
 */
export function resultOf(text: string, mayHaveArrived: boolean): DeliveryResult {
  const lines = parseLines(text);
  const added = lines.find(({ kind, message }) => kind === 'SUCCESS' && message.startsWith('add_lead '));
  if (added !== undefined) {
    const notices = lines.filter(({ kind }) => kind === 'NOTICE').map(({ message }) => message);
    const [, list, id] = added.values;
    return { outcome: 'delivered', response: [`lead ${id} of list ${list}`, ...notices].join('; ') };
  }
  const error = lines.find(({ kind }) => kind === 'ERROR');
  if (error === undefined) return { outcome: 'unknown', response: 'the response is not from VICIdial’s API' };
  const response = error.message;
  if (senderError.test(response)) return { outcome: 'unavailable', response, pauseReason: response };
  if (databaseError.test(response)) return { outcome: 'unavailable', response };
  if (/^add_lead DUPLICATE /.test(response) && mayHaveArrived) {
    return { outcome: 'delivered', response: `${response}: delivered by an earlier attempt` };
  }
  if (response.startsWith('add_lead ')) return { outcome: 'rejected', response };
  return { outcome: 'unknown', response };
}

function parseLines(text: string): Line[] {
  return [...text.matchAll(/(SUCCESS|NOTICE|ERROR): ([^\r\n]*)/g)].map(([, kind, rest = '']) => {
    // The values follow " - ", or ": |" after a failed login.
    const [, message = '', values = ''] = /^(.*?)(?: - |: ?\||\||$)(.*)$/.exec(rest) ?? [];
    // The cast: the expression above matches these three words only.
    return { kind: kind as Line['kind'], message: message.trim(), values: values.split('|') };
  });
}
