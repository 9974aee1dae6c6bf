import { UserError } from '../errors/user-error.ts';
import type { LeadState } from '../leads/lead.ts';

/** What the operator is told of a name or an id that does not fit, whichever store it is looked up in. */
export const userErrors = {
  noType: (name: string) => missing('lead type', name, 'leads type list'),
  noPartner: (name: string) => missing('partner', name, 'leads partner list'),
  noKey: (id: string) => missing('key with the id', id, 'leads key list'),
  revokedKey: (id: string) =>
    new UserError(`The key ${id} is refused already. \`leads key create\` makes the partner another.`),
  noLead: (id: string) => missing('lead with the id', id, 'leads lead list'),
  noSubmission: (id: string) => missing('submission with the id', id, 'leads submission list'),
  typeExists: (name: string) => new UserError(`There is a lead type ${JSON.stringify(name)} already.`),
  partnerExists: (name: string) => new UserError(`There is a partner ${JSON.stringify(name)} already.`),
};

/**
 * @param lastId of the last lead of the same person and type
 * @throws {UserError} if the lead cannot be retried
 */
export function checkRetry(id: string, state: LeadState, lastId: string): void {
  if (state !== 'failed') {
    throw new UserError(`The lead ${id} is ${state}. Only a failed lead can be sent again.`);
  }
  if (lastId === id) return;
  throw new UserError(`The lead ${id} stays failed: the person was sent again since, as the lead ${lastId}.`);
}

/** A lead as a decision about it needs it. */
export interface LeadToResolve {
  state: LeadState;
  /** Whether it failed and the dialler may have it. */
  isUndecided: boolean;
}

/** @throws {UserError} if the lead does not wait for a decision */
export function checkUndecided(id: string, lead: LeadToResolve | undefined): void {
  if (lead === undefined) throw userErrors.noLead(id);
  if (lead.isUndecided) return;
  throw new UserError(
    `The lead ${id} is ${lead.state} and needs no decision. \`leads lead list --undecided\` lists the leads that do.`,
  );
}

function missing(what: string, name: string, command: string): UserError {
  return new UserError(`There is no ${what} ${JSON.stringify(name)}. \`${command}\` shows those there are.`);
}
