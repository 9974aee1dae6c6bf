import type { CallingHoursSetting } from '../leads/calling-hours/calling-hours.ts';
import type { ScreeningMode } from './type-screening.ts';

/** A lead type, as operators see it. */
export interface LeadTypeRecord {
  name: string;
  /** Re-contact period (ms); null: dialled people are never accepted again. */
  recontactAfter: number | null;
  createdAt: number;
  /** When it was retired; null: it is not retired. */
  retiredAt: number | null;
  /** Whether its leads must contain the person's consent. */
  consentRequired: boolean;
  /** Whether leads that the dialler has, or may have, are withdrawn from it if they are cancelled. */
  withdraws: boolean;
  /** Names of the registries whose lists it requires. */
  registries: readonly string[];
  /** Whether leads that contain the person's consent are delivered although a registry lists the number. */
  registryOverride: boolean;
  /** When a screening service checks its numbers. */
  screening: ScreeningMode;
  /** When its people may be called; null: undecided since the migration of the store. */
  callingHours: CallingHoursSetting | null;
  /** Former names, which requests and filters can still contain. */
  formerNames: string[];
  /** Names of the partners to which it is granted. */
  partners: string[];
}

/**
 * Lead types. Each method that takes the name of an existing type also accepts a former one, and throws a `UserError`
 * if there is no such type.
 */
export interface LeadTypes {
  /**
   * Adds a lead type.
   *
   * @param recontactAfter re-contact period (ms); null: dialled people are never accepted again
   * @param callingHours when its people may be called; default: always
   * @throws {UserError} if a type has, or had, this name
   */
  addType(name: string, recontactAfter: number | null, callingHours?: CallingHoursSetting): Promise<void>;
  /** Lists lead types by name. */
  types(): AsyncIterable<LeadTypeRecord>;
  /**
   * Changes the re-contact period, also for people who were dialled before.
   *
   * @param recontactAfter milliseconds; null: dialled people are never accepted again
   */
  setRecontactAfter(type: string, recontactAfter: number | null): Promise<void>;
  /** Sets whether leads of a type must contain the person's consent. */
  setConsentRequired(type: string, isRequired: boolean): Promise<void>;
  /** Sets whether leads that the dialler has, or may have, are withdrawn from it if they are cancelled. */
  setWithdraws(type: string, withdraws: boolean): Promise<void>;
  /**
   * Renames a lead type. Requests with its old name still mean this type; everything else shows the new name.
   *
   * @throws {UserError} if another type has, or had, the new name
   */
  renameType(type: string, newName: string): Promise<void>;
  /** Stops accepting leads of a type. Leads can still be cancelled. Has no effect if it is retired already. */
  retireType(type: string): Promise<void>;
  /** Undoes `retireType`. @throws {UserError} if the type is not retired */
  unretireType(type: string): Promise<void>;
}
