import { UserError } from '../errors/user-error.ts';
import type { LeadState } from '../leads/lead.ts';
import type { WithdrawalOutcome } from '../leads/withdrawal.ts';
import { formatTime } from '../text/time.ts';

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
  noWebhook: (partner: string) =>
    new UserError(
      `Partner ${JSON.stringify(partner)} has no webhook. Run \`leads partner webhook set\` to set one.`,
    ),
  noKey: (id: string) => missing('Key', id, 'leads key list'),
  inactiveKey: (id: string) =>
    new UserError(`Key ${id} is revoked or expired. Create a new one with \`leads key create\`.`),
  evidenceWithoutKey: (ids: readonly string[]) =>
    new UserError(
      `The chain of evidence was not changed, because the store has a key (id ${ids.join(', ')}) and this process does not have it. Set STORE_KEY_FILE to the path of the file with the key, and start the process again.`,
    ),
  noStoreKey: (id: string) =>
    new UserError(`The store was never used with a key with the id ${JSON.stringify(id)}.`),
  noLead: (id: string) => missing('Lead', id, 'leads lead list'),
  noSubmission: (id: string) => missing('Submission', id, 'leads submission list'),
  replacedKey: ({ id, partner, expiresAt, replacedBy }: ReplacedKey) =>
    new UserError(
      `Key ${id} has already been replaced${replacedBy === null ? '' : ` by key ${replacedBy}`}, and works until ${formatTime(expiresAt)}, so nothing was changed. ${
        replacedBy === null
          ? `Run \`leads key list\` to find the newer key of partner ${JSON.stringify(partner)}.`
          : `To replace the newer key, run \`leads key rotate ${replacedBy}\`.`
      } To end the old key now, run \`leads key revoke ${id}\`. If the partner has lost the newer key, run \`leads key create\`.`,
    ),
  formerName: (name: string, current: string) =>
    new UserError(
      `${JSON.stringify(name)} is a former name of lead type ${JSON.stringify(current)}, and requests with it still mean that type. Choose another name.`,
    ),
  typeHasName: (name: string) => new UserError(`The lead type is already named ${JSON.stringify(name)}.`),
  typeRetired: (name: string) =>
    new UserError(
      `Lead type ${JSON.stringify(name)} is retired. Run \`leads type unretire\` before you grant it to a partner.`,
    ),
  typeNotRetired: (name: string) => new UserError(`Lead type ${JSON.stringify(name)} is not retired.`),
  notGranted: (partner: string, type: string) =>
    new UserError(
      `Lead type ${JSON.stringify(type)} was never granted to partner ${JSON.stringify(partner)}. Run \`leads partner list\`.`,
    ),
  partnerDeleted: (name: string, deletedAt: number) =>
    new UserError(
      `Partner ${JSON.stringify(name)} was deleted at ${formatTime(deletedAt)}, which cannot be undone. Add a partner with another name.`,
    ),
  partnerNotSuspended: (name: string) => new UserError(`Partner ${JSON.stringify(name)} is not suspended.`),
  nameOfDeleted: (name: string) =>
    new UserError(
      `Partner ${JSON.stringify(name)} was deleted, and its name cannot be used again, because its leads and submissions are stored under it. Choose another name.`,
    ),
  typeExists: (name: string) => exists('Lead type', name),
  partnerExists: (name: string) => exists('Partner', name),
  notRetryable: (id: string, state: LeadState) =>
    new UserError(
      `Lead ${id} is ${state}. Only failed, dismissed, scheduled and suppressed leads can be retried.`,
    ),
  doNotCall: (id: string) =>
    new UserError(
      `Lead ${id} was not scheduled: its person is in the do-not-call list. \`leads suppression check --lead ${id}\` shows who entered the number, and why.`,
    ),
  expiredLead: (id: string, expiresAt: number) =>
    new UserError(
      `Lead ${id} cannot be retried: its partner wanted no call from ${formatTime(expiresAt)} on. Ask the partner to add the person again.`,
    ),
  expiredSubmission: (id: string, expiresAt: number) =>
    new UserError(
      `Submission ${id} was not re-run: its partner wanted no call from ${formatTime(expiresAt)} on. Ask the partner to add the person again.`,
    ),
  notYetDue: (id: string, dueAt: number) =>
    new UserError(
      `Lead ${id} is not due before ${formatTime(dueAt)}. To send it now nevertheless, pass --early.`,
    ),
  withoutSubmission: (id: string) =>
    new UserError(
      `Lead ${id} cannot be retried: \`leads prune\` has removed its submission, and with it what the dialler needs. Ask the partner to add the person again.`,
    ),
  addedAgain: (id: string, latestId: string) =>
    new UserError(`Lead ${id} cannot be retried: the person was added again as lead ${latestId}.`),
  notHeld: (id: string, state: LeadState) =>
    new UserError(
      `Lead ${id} is ${state}. Only held leads can be released; \`leads lead list --state held\` lists them.`,
    ),
  notUndecided: (id: string, state: LeadState) =>
    new UserError(
      `Lead ${id} (${state}) is not undecided. Run \`leads lead list --undecided\` to list undecided leads.`,
    ),
  notCancellable: (id: string, state: LeadState) => new UserError(reasonNotCancellable(id, state)),
  notDeliveredYet: (id: string) =>
    new UserError(
      `Lead ${id} is scheduled, so it will be delivered when it is due. Only --delivered applies to it. If nobody is to be called, run \`leads lead cancel ${id}\`.`,
    ),
  inFlight: (id: string, action: 'cancelled' | 'resolved' | 'retried') =>
    new UserError(
      `Lead ${id} cannot be ${action}: an attempt to deliver it is in flight. Run the command again once the attempt has ended; \`leads lead show ${id}\` shows until when its lease lasts.`,
    ),
  mayHaveArrived: (id: string) =>
    new UserError(
      `Lead ${id} cannot be cancelled: the dialler may have it from an earlier attempt, and it will be sent again under the same id. To withdraw it from the dialler instead, pass --withdraw.`,
    ),
  undecided: (id: string, action: 'cancelled' | 'dismissed') =>
    new UserError(
      `Lead ${id} cannot be ${action}: the dialler may have it. Look it up there, then run \`leads lead resolve ${id}\` with --delivered or --not-delivered. After --not-delivered, it can be ${action}.${action === 'cancelled' ? ' Or pass --withdraw to withdraw it from the dialler.' : ''}`,
    ),
  noWithdrawal: (id: string) => new UserError(`Lead ${id} has no withdrawal. Run \`leads withdrawal list\`.`),
  withdrawalEnded: (id: string, outcome: WithdrawalOutcome, action: 'resolved' | 'retried') =>
    new UserError(
      `The withdrawal of lead ${id} has ended (${outcome}). Only open and failed ones can be ${action}; \`leads withdrawal list\` lists them.`,
    ),
  notWithdrawable: (id: string, state: LeadState) =>
    new UserError(
      `Lead ${id} is ${state}, so it cannot be withdrawn again. \`leads lead show ${id}\` shows what has happened to it.`,
    ),
  withdrawnTooLate: (id: string) =>
    new UserError(
      `Lead ${id} cannot be cancelled: its withdrawal was too late. \`leads lead show ${id}\` shows what the dialler responded.`,
    ),
  notDismissible: (id: string, state: LeadState) =>
    new UserError(
      state === 'dismissed'
        ? `Lead ${id} was already dismissed. Nothing was changed.`
        : `Lead ${id} is ${state}. Only failed leads can be dismissed.`,
    ),
};

function reasonNotCancellable(id: string, state: LeadState): string {
  switch (state) {
    case 'dialled':
      return `Lead ${id} cannot be cancelled: the dialler has it. To withdraw it from the dialler, pass --withdraw.`;
    case 'cancelled':
      return `Lead ${id} was already cancelled. Nothing was changed.`;
    default:
      return `Lead ${id} is ${state}. Only scheduled, held, failed and dismissed leads can be cancelled.`;
  }
}

/** A key that a rotation has replaced. */
interface ReplacedKey {
  id: string;
  /** Name of its partner. */
  partner: string;
  /** Until when it works (ms since 1970). */
  expiresAt: number;
  /** Id of the newer key; null: unknown. */
  replacedBy: string | null;
}

function exists(kind: string, name: string): UserError {
  return new UserError(`${kind} ${JSON.stringify(name)} already exists. Choose another name.`);
}

function missing(kind: string, name: string, command: string): UserError {
  return new UserError(`${kind} ${JSON.stringify(name)} does not exist. Run \`${command}\`.`);
}
