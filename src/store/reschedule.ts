import { setTimeout as sleep } from 'node:timers/promises';
import { type CallingHoursSetting, CallingRule } from '../leads/calling-hours/calling-hours.ts';
import { whereaboutsOf } from '../leads/calling-hours/person-zones.ts';
import { submittedFields } from '../leads/submitted-fields.ts';
import type { CallingHoursOfTypes, PostponedLead, ScheduledLead } from './calling-hours.ts';
import { stepDelay } from './steps.ts';

/** What new calling hours have changed. */
export interface Rescheduled {
  /** Number of leads that waited for the earlier hours. */
  reconsidered: number;
  /** Number of leads whose time is not permitted, and is now that of the next opening. */
  postponed: number;
}

/**
 * Applies the calling hours of a lead type to its scheduled leads, in steps between which other calls can write. Every
 * server must apply the hours by then (`callingHoursDelay`).
 *
 * @param callingHours the hours in force
 * @throws {UserError} if the type does not exist
 */
export async function reschedule(
  store: CallingHoursOfTypes,
  type: string,
  callingHours: CallingHoursSetting,
): Promise<Rescheduled> {
  const since = Date.now();
  let reconsidered = 0;
  for (;;) {
    const step = await store.reconsiderWaiting(type, Date.now());
    if (step === 0) break;
    reconsidered += step;
    await sleep(stepDelay);
  }
  if (callingHours === 'always') return { reconsidered, postponed: 0 };
  return { reconsidered, postponed: await postpone(store, type, new CallingRule(callingHours), since) };
}

async function postpone(
  store: CallingHoursOfTypes,
  type: string,
  rule: CallingRule,
  since: number,
): Promise<number> {
  let postponed = 0;
  let last: Pick<ScheduledLead, 'id' | 'nextAttemptAt'> | undefined = { id: '', nextAttemptAt: 0 };
  while (last !== undefined) {
    const leads: ScheduledLead[] = await store.scheduledLeads(type, last);
    const outside = leads.flatMap((lead) => postponedBy(rule, lead, since));
    if (outside.length > 0) {
      postponed += await store.postponeScheduled(outside, since);
      await sleep(stepDelay);
    }
    last = leads.at(-1);
  }
  return postponed;
}

/** Returns when a lead is called if its time is not permitted. @param since the time of a lead that is due already */
function postponedBy(
  rule: CallingRule,
  { id, mobile, content, nextAttemptAt }: ScheduledLead,
  since: number,
): PostponedLead[] {
  const person = whereaboutsOf(mobile, submittedFields(content));
  const { opensAt, waitsFor } = rule.opening(person, Math.max(nextAttemptAt, since));
  return waitsFor === undefined ? [] : [{ id, nextAttemptAt, opensAt, waitsFor }];
}
