import type { LeadState } from '../leads/lead.ts';
import { Mistake } from '../partners/partner.ts';

/** What the operator is told of a name or an id that does not fit, whichever store it is looked up in. */
export const mistakes = {
  noType: (name: string) => missing('lead type', name, 'leads type list'),
  noPartner: (name: string) => missing('partner', name, 'leads partner list'),
  noKey: (id: string) => missing('key with the id', id, 'leads key list'),
  revokedKey: (id: string) =>
    new Mistake(`The key ${id} is refused already. \`leads key create\` makes the partner another.`),
  noLead: (id: string) => missing('lead with the id', id, 'leads lead list'),
  noSubmission: (id: string) => missing('submission with the id', id, 'leads submission list'),
  typeExists: (name: string) => new Mistake(`There is a lead type ${JSON.stringify(name)} already.`),
  partnerExists: (name: string) => new Mistake(`There is a partner ${JSON.stringify(name)} already.`),
};

/**
 * What keeps a lead from being sent again; undefined where nothing does.
 *
 * @param newerId of a lead that was taken for the same person and type since
 */
export function retryMistake(id: string, state: LeadState, newerId: string | null): Mistake | undefined {
  if (state !== 'failed')
    return new Mistake(`The lead ${id} is ${state}. Only a failed lead can be sent again.`);
  if (newerId === null) return undefined;
  return new Mistake(`The lead ${id} stays failed: the person was sent again since, as the lead ${newerId}.`);
}

function missing(what: string, name: string, command: string): Mistake {
  return new Mistake(`There is no ${what} ${JSON.stringify(name)}. \`${command}\` shows those there are.`);
}
