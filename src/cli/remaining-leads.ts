import { Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import type { RemainingCount, RemainingFilter, RemainingLeads } from '../store/remaining-leads.ts';
import { ask } from './confirm.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';
import { isTerminal } from './is-terminal.ts';

/** What happens to the scheduled and held leads of a partner or lead type that sends no more. */
export type LeadsChoice = 'keep' | 'cancel';

/** The leads that are kept or cancelled. */
export interface Matching {
  store: RemainingLeads;
  filter: RemainingFilter;
}

/** What happened to them. */
export interface SettledLeads {
  choice: LeadsChoice;
  kept: number;
  cancelled: number;
  inFlight: number;
}

/** Members of `remainingLeadsJson`, with their descriptions. */
export const remainingLeadsMembers = {
  leads_kept: 'number of scheduled or held leads that were kept',
  leads_cancelled: 'number of scheduled or held leads that were cancelled',
  leads_in_flight:
    'number of scheduled or held leads that cannot be cancelled: an attempt is in flight, or may have reached the dialler',
};

/** Returns the option `--leads`. */
export function leadsOption(): Option {
  return new Option(
    '--leads <choice>',
    'keep or cancel its scheduled or held leads; required without a terminal if there are any',
  )
    .choices(['keep', 'cancel'] satisfies LeadsChoice[])
    .default(undefined, 'ask');
}

/**
 * Returns what happens to the leads: the choice of `--leads`, or the answer to a question in a terminal.
 *
 * @param option choice of `--leads`; undefined: none
 * @param change what the command changes, as a sentence without its full stop
 * @throws {UserError} if there are leads and no choice
 */
export async function chooseForLeads(
  { store, filter }: Matching,
  context: Pick<CommandContext, 'input' | 'err'>,
  option: LeadsChoice | undefined,
  change: string,
): Promise<LeadsChoice> {
  const count = await store.countRemainingLeads(filter);
  if (option !== undefined) return option;
  if (count.cancellable + count.inFlight === 0) return 'keep';
  const effect = `${change}. ${describeCount(count)}.`;
  if (!isTerminal(context.input)) {
    throw new UserError(
      `${effect} There is no terminal to ask what happens to them, so nothing was changed. Pass --leads keep or --leads cancel.`,
    );
  }
  const answer = await ask(
    context,
    `${effect} Leads that you keep can still be called. Keep or cancel them? [keep/cancel] `,
  );
  if (answer === 'keep' || answer === 'cancel') return answer;
  throw new UserError('Nothing was changed.');
}

/** Describes the leads before a change, as a sentence without its full stop. */
function describeCount({ cancellable, inFlight }: RemainingCount): string {
  const total = `${counted(cancellable + inFlight, 'lead is', 'leads are')} scheduled or held`;
  return inFlight === 0 ? total : `${total}, of which ${inFlight} cannot be cancelled: ${reason}`;
}

const reason = 'an attempt is in flight, or may have reached the dialler';

/** Keeps or cancels the leads, once no more are accepted. */
export async function settleLeads({ store, filter }: Matching, choice: LeadsChoice): Promise<SettledLeads> {
  const cancelled = choice === 'cancel' ? await store.cancelRemainingLeads(filter) : 0;
  const { cancellable, inFlight } = await store.countRemainingLeads(filter);
  return { choice, kept: cancellable, cancelled, inFlight };
}

/** Describes what happened to the leads, in sentences. */
export function describeRemainingLeads({ choice, kept, cancelled, inFlight }: SettledLeads): string {
  const sentences: string[] = [];
  if (cancelled > 0) {
    sentences.push(`${counted(cancelled, 'lead was', 'leads were')} cancelled.`);
  }
  if (kept > 0) {
    const stays =
      choice === 'keep' ? ['stays scheduled or held', 'stay scheduled or held'] : acceptedMeanwhile;
    sentences.push(`${counted(kept, `lead ${stays[0]}`, `leads ${stays[1]}`)}.`);
  }
  if (inFlight > 0) {
    const verb = choice === 'keep' ? 'cannot' : 'could not';
    sentences.push(`${counted(inFlight, 'lead', 'leads')} ${verb} be cancelled: ${reason}.`);
  }
  return sentences.length === 0 ? 'There are no scheduled or held leads.' : sentences.join(' ');
}

const acceptedMeanwhile = [
  'was accepted meanwhile and is scheduled; run the command again to cancel it',
  'were accepted meanwhile and are scheduled; run the command again to cancel them',
];

/** Returns the JSON members that describe what happened to the leads. */
export function remainingLeadsJson({ kept, cancelled, inFlight }: SettledLeads) {
  return { leads_kept: kept, leads_cancelled: cancelled, leads_in_flight: inFlight };
}
