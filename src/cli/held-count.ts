import type { HeldCount } from '../store/held-leads.ts';
import { counted } from './counted.ts';

/** Members of the JSON output of a command that holds leads. */
export const heldMembers = {
  held: 'number of scheduled leads that are now held, or with --dry-run would be',
  may_have_arrived: 'number of them that the dialler may have, because they may have been delivered since',
};

/** What an operator does after a command has held leads. */
export const nextSteps =
  'Before you run `leads delivery resume`, review the leads (docs/operating/backup-and-restore.md); `leads lead list --state held` lists those that are held.';

/** Describes the marking as a sentence without its full stop. @param when some of the leads may have been delivered */
export function describeHeld(
  { leads, mayHaveArrived }: HeldCount,
  verb: 'are' | 'would be',
  when = 'after the backup',
): string {
  const [one, several] = verb === 'are' ? ['is', 'are'] : [verb, verb];
  const heldLeads = counted(leads, `scheduled lead ${one}`, `scheduled leads ${several}`);
  return `Delivery of all lead types ${one} paused, and ${heldLeads} held; ${mayHaveArrived} of them may have been delivered ${when}`;
}

/** Returns the members of the JSON output. */
export function heldJson({ leads, mayHaveArrived }: HeldCount) {
  return { held: leads, may_have_arrived: mayHaveArrived };
}
