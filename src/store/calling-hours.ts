import type { CallingHoursSetting, Opening } from '../leads/calling-hours/calling-hours.ts';

/** The calling hours of the lead type with a name. */
export interface TypeHours {
  /** Its name, or a former one. */
  name: string;
  /** Null: nobody has decided since the migration of the store. */
  callingHours: CallingHoursSetting | null;
}

/**
 * Time within which every server applies changed calling hours (ms). Until then, it can release leads by the earlier
 * ones.
 */
export const callingHoursDelay = 1_000;

/** A scheduled lead without an attempt that waits for nothing but its time. */
export interface ScheduledLead {
  id: string;
  /** E.164. */
  mobile: string;
  /** Content of its submission (JSON text). */
  content: string;
  /** Time of its first attempt (ms since 1970). */
  nextAttemptAt: number;
}

/** A scheduled lead whose time calling hours do not permit, with their opening. */
export interface PostponedLead extends Pick<ScheduledLead, 'id' | 'nextAttemptAt'>, Required<Opening> {}

/** When the people of each lead type may be called. The store keeps it; `DeliveryPermission` applies it. */
export interface CallingHoursOfTypes {
  /** Returns the calling hours of all lead types, under each of their names. */
  callingHours(): Promise<TypeHours[]>;
  /**
   * Sets the calling hours of a lead type. Scheduled leads keep their times: see `reschedule`.
   *
   * @throws {UserError} if the type does not exist
   */
  setCallingHours(type: string, callingHours: CallingHoursSetting): Promise<void>;
  /**
   * Makes a limited number of the type's leads that wait for calling hours due at their requested time, or now if that
   * has passed, so that the hours in force decide on them. Returns their number. 0: none is left.
   *
   * @param now milliseconds since 1970
   * @throws {UserError} if the type does not exist
   */
  reconsiderWaiting(type: string, now: number): Promise<number>;
  /**
   * Returns a limited number of the type's scheduled leads without an attempt that wait for nothing else, in the order
   * of their times.
   *
   * @param after the last lead of the page before; with an empty id: from this time on
   */
  scheduledLeads(type: string, after: Pick<ScheduledLead, 'id' | 'nextAttemptAt'>): Promise<ScheduledLead[]>;
  /**
   * Postpones scheduled leads to the openings of calling hours. Returns their number: leads whose time has changed
   * meanwhile are not included. A lead that was due before `since` keeps that time in `dueAt`.
   *
   * @param since milliseconds since 1970
   */
  postponeScheduled(leads: readonly PostponedLead[], since: number): Promise<number>;
}
