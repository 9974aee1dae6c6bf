import { isIdentifier } from '../../leads/identifier.ts';

/** What VICIdial reports about a call in the query of a URL. */
export interface VicidialReport {
  /** Undefined: VICIdial has the lead from elsewhere. */
  leadId: string | undefined;
  callId: string;
  code: string;
  talkTime: number | null;
}

/** A placeholder that this version of VICIdial, or this kind of URL, does not replace. */
const unreplaced = /^--A--/;

/** Maximum talk time of a call (s). */
const maxTalkTime = 86_400;

/** Reads a report. Undefined: the id of the call or its status is missing or invalid. */
export function readVicidialReport(query: (name: string) => string | undefined): VicidialReport | undefined {
  const read = (name: string) => {
    const value = query(name)?.trim() ?? '';
    return unreplaced.test(value) ? '' : value;
  };
  const [lead, callId, code, talk] = ['lead', 'call', 'code', 'talk'].map(read);
  if (!/^[!-~]{1,100}$/.test(callId ?? '') || !/^[!-~]{1,40}$/.test(code ?? '')) return undefined;
  const seconds = /^[0-9]{1,6}$/.test(talk ?? '') ? Number(talk) : null;
  return {
    leadId: isIdentifier(lead ?? '') ? lead : undefined,
    callId: callId ?? '',
    code: code ?? '',
    talkTime: seconds === null ? null : Math.min(seconds, maxTalkTime),
  };
}
