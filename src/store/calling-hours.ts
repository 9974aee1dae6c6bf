import type { CallingHoursSetting } from '../leads/calling-hours/calling-hours.ts';

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

/** When the people of each lead type may be called. The store keeps it; `DeliveryPermission` applies it. */
export interface CallingHoursOfTypes {
  /** Returns the calling hours of all lead types, under each of their names. */
  callingHours(): Promise<TypeHours[]>;
  /**
   * Sets the calling hours of a lead type. Leads that wait for the earlier hours still do: see `reconsiderWaiting`.
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
}
