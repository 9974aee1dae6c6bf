import { UserError } from '../errors/user-error.ts';
import type { LeadState } from '../leads/lead.ts';

/** Errors for names and ids that an operator or a command got wrong. */
export const userErrors = {
  noType: (name: string) => missing('Lead type', name, 'leads type list'),
  noPartner: (name: string) => missing('Partner', name, 'leads partner list'),
  noKey: (id: string) => missing('Key', id, 'leads key list'),
  inactiveKey: (id: string) =>
    new UserError(`Key ${id} is revoked or expired. Create a new one with \`leads key create\`.`),
  noLead: (id: string) => missing('Lead', id, 'leads lead list'),
  noSubmission: (id: string) => missing('Submission', id, 'leads submission list'),
  typeExists: (name: string) => new UserError(`Lead type ${JSON.stringify(name)} already exists.`),
  partnerExists: (name: string) => new UserError(`Partner ${JSON.stringify(name)} already exists.`),
};

/**
 * Checks that a lead can be retried.
 *
 * @param latestId id of the latest lead of the same person and type
 * @throws {UserError} if it cannot
 */
export function checkRetry(id: string, state: LeadState, latestId: string): void {
  if (state !== 'failed') {
    throw new UserError(`Lead ${id} is ${state}. Only failed leads can be retried.`);
  }
  if (latestId === id) return;
  throw new UserError(`Lead ${id} cannot be retried: the person was added again as lead ${latestId}.`);
}

/** A lead that an operator wants to decide about. */
export interface LeadToResolve {
  state: LeadState;
  /** Whether it failed and the dialler may have it. */
  isUndecided: boolean;
}

/** Checks that a lead needs a decision. @throws {UserError} if it does not */
export function checkUndecided(id: string, lead: LeadToResolve | undefined): void {
  if (lead === undefined) throw userErrors.noLead(id);
  if (lead.isUndecided) return;
  throw new UserError(
    `Lead ${id} is ${lead.state} and needs no decision. Run \`leads lead list --undecided\` for those that do.`,
  );
}

function missing(kind: string, name: string, command: string): UserError {
  return new UserError(`${kind} ${JSON.stringify(name)} does not exist. Run \`${command}\`.`);
}
