import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ResultList } from '../delivery/dialler.ts';
import { secretBytes } from '../environment/webhook-secrets.ts';

/**
 * Returns the secret of the URLs of one list of VICIdial, which writes them to its log: it is derived from
 * RESULTS_SECRET, so that it opens nothing else. Its characters mean nothing to a shell, through which VICIdial passes
 * them.
 *
 * @param types names of the lead types that the URL may report on
 */
function listSecret(secret: string, list: string, types: readonly string[]): string {
  const text = JSON.stringify(['results of a list', list, types]);
  return createHmac('sha256', secretBytes(secret) ?? '')
    .update(text)
    .digest('base64url');
}

/** Returns whether a secret belongs to a list and its types. @param secrets RESULTS_SECRET */
export function isListSecret(
  secrets: readonly string[],
  { list, types }: Pick<ResultList, 'list' | 'types'>,
  secret: string,
): boolean {
  const given = Buffer.from(secret);
  return secrets.some((each) => {
    const expected = Buffer.from(listSecret(each, list, types));
    return expected.length === given.length && timingSafeEqual(expected, given);
  });
}

/** The URLs to enter in VICIdial for a list. */
export interface ResultUrls extends ResultList {
  /** For calls that reached an agent. */
  dispoCallUrl: string;
  /** For calls that did not. */
  noAgentCallUrl: string;
}

/** Returns the URLs of a list. @param base URL at which VICIdial reaches RESULTS_PORT */
export function resultUrls(base: string, secret: string, { list, types }: ResultList): ResultUrls {
  const fixed = `list=${list}&types=${types.map(escaped).join(',')}&secret=${listSecret(secret, list, types)}`;
  const call = 'lead=--A--vendor_lead_code--B--&call=--A--call_id--B--';
  const url = `VAR${base}/vicidial?${fixed}&${call}`;
  return {
    list,
    types,
    dispoCallUrl: `${url}&code=--A--dispo--B--&talk=--A--talk_time--B--`,
    noAgentCallUrl: `${url}&code=--A--status--B--`,
  };
}

/** Escapes everything that means something in a URL or to a shell. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*~.]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
