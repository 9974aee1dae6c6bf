import type { DeliveryResult } from '../../dialler.ts';

/** What VICIdial's non-agent API says: `ERROR: add_lead INVALID PHONE NUMBER LENGTH - 12|leadsapi`. */
interface Line {
  kind: 'SUCCESS' | 'NOTICE' | 'ERROR';
  /** What stands before the values: these repeat the number, the user, and after a wrong one the password. */
  message: string;
  values: string[];
}

/** Refusals of the sender rather than of the lead: another try could lock the account for everybody. */
const rejectsSender =
  /^(Login incorrect|Too many login attempts|Your IP Address|auth |.*DOES NOT HAVE PERMISSION|NO FUNCTION SPECIFIED)/i;

/** Its database failed; the lead has nothing to do with it. */
const failedToAdd = /^add_lead LEAD HAS NOT BEEN ADDED/;

/**
 * What came of an add_lead. VICIdial answers with the status 200 and lines of text whatever happened,
 * and other output may stand before them.
 *
 * @param mayHaveArrived whether an earlier try may have brought the lead in: then a duplicate is it
 */
export function resultOf(text: string, mayHaveArrived: boolean): DeliveryResult {
  const lines = linesOf(text);
  const error = lines.find(({ kind }) => kind === 'ERROR');
  const added = lines.find(({ kind, message }) => kind === 'SUCCESS' && message.startsWith('add_lead '));
  if (added !== undefined) {
    const notices = lines.filter(({ kind }) => kind === 'NOTICE').map(({ message }) => message);
    const [, list, id] = added.values;
    return { outcome: 'delivered', response: [`lead ${id} of list ${list}`, ...notices].join('; ') };
  }
  if (error === undefined)
    return { outcome: 'unknown', response: 'an answer that is not one of VICIdial’s API' };
  const response = error.message;
  if (rejectsSender.test(response)) return { outcome: 'unavailable', response, pauseReason: response };
  if (failedToAdd.test(response)) return { outcome: 'unavailable', response };
  if (/^add_lead DUPLICATE /.test(response) && mayHaveArrived) {
    return { outcome: 'delivered', response: `${response}: an earlier try had brought it in` };
  }
  if (response.startsWith('add_lead ')) return { outcome: 'rejected', response };
  return { outcome: 'unknown', response };
}

function linesOf(text: string): Line[] {
  return [...text.matchAll(/(SUCCESS|NOTICE|ERROR): ([^\r\n]*)/g)].map(([, kind, rest = '']) => {
    // After a message come its values: behind " - ", and behind ": |" where the login failed.
    const [, message = '', values = ''] = /^(.*?)(?: - |: ?\||\||$)(.*)$/.exec(rest) ?? [];
    // The cast: the expression above takes no other words.
    return { kind: kind as Line['kind'], message: message.trim(), values: values.split('|') };
  });
}
