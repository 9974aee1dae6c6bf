import { UserError } from '../errors/user-error.ts';
import type { LeadState } from '../leads/lead.ts';

/** A lead type or partner that does not exist. */
export class UnknownName extends UserError {
  readonly kind: 'type' | 'partner';
  readonly unknown: string;

  constructor(kind: 'type' | 'partner', unknown: string) {
    super(missing(kind === 'type' ? 'Lead type' : 'Partner', unknown, `leads ${kind} list`).message);
    this.kind = kind;
    this.unknown = unknown;
  }
}

/** Errors of an operator: a name, an id or an action that the store does not accept. */
export const userErrors = {
  noType: (name: string) => new UnknownName('type', name),
  noPartner: (name: string) => new UnknownName('partner', name),
  noKey: (id: string) => missing('Key', id, 'leads key list'),
  inactiveKey: (id: string) =>
    new UserError(`Key ${id} is revoked or expired. Create a new one with \`leads key create\`.`),
  noLead: (id: string) => missing('Lead', id, 'leads lead list'),
  noSubmission: (id: string) => missing('Submission', id, 'leads submission list'),
  typeExists: (name: string) => exists('Lead type', name),
  partnerExists: (name: string) => exists('Partner', name),
  notFailed: (id: string, state: LeadState) =>
    new UserError(`Lead ${id} is ${state}. Only failed leads can be retried.`),
  addedAgain: (id: string, latestId: string) =>
    new UserError(`Lead ${id} cannot be retried: the person was added again as lead ${latestId}.`),
  notUndecided: (id: string, state: LeadState) =>
    new UserError(
      `Lead ${id} (${state}) is not undecided. Run \`leads lead list --undecided\` to list undecided leads.`,
    ),
};

function exists(kind: string, name: string): UserError {
  return new UserError(`${kind} ${JSON.stringify(name)} already exists. Choose another name.`);
}

function missing(kind: string, name: string, command: string): UserError {
  return new UserError(`${kind} ${JSON.stringify(name)} does not exist. Run \`${command}\`.`);
}
