/** Author of a pause: an operator, or a server whose dialler gave a response that an operator must look into. */
export type PausedBy = 'operator' | 'dialler';

/** A pause of delivery. */
export interface DeliveryPause {
  /** The lead type; undefined: all types. */
  type: string | undefined;
  by: PausedBy;
  /** Plain text without personal data or secrets: it is logged and shown. */
  reason: string;
  /** Milliseconds since 1970. */
  since: number;
  /**
   * When leads can be claimed again, to find out whether the cause was corrected (ms since 1970). The pause remains in
   * force until a lead is delivered. Undefined: until an operator resumes delivery.
   */
  retryAt?: number;
}

/** A pause to be stored. */
export type NewPause = Omit<DeliveryPause, 'since'>;

/** Describes the lead types of a pause, for a sentence. @param type undefined: all types */
export function describePausedTypes(type: string | undefined): string {
  return type === undefined ? 'all lead types' : `lead type ${JSON.stringify(type)}`;
}

/** Pauses of delivery, shared by all servers of the store. During a pause, leads can still be added and cancelled. */
export interface DeliveryPauses {
  /** Returns the pauses in force: those of all types first, the others by type. */
  pauses(): Promise<DeliveryPause[]>;
  /**
   * Pauses the delivery of a type or of all types: once this is committed, no claim includes a lead of it, until
   * `retryAt`. A second pause by an operator replaces the reason, unless it is that of a restore, to which it is
   * appended. A second one by a dialler replaces the reason and `retryAt` of a pause that ends by itself; another is
   * not changed.
   *
   * @throws {UserError} if the type does not exist
   */
  pauseDelivery(pause: NewPause): Promise<void>;
  /**
   * Ends the pauses of one type, or those of all types (undefined). The latter leaves pauses of single types in force.
   *
   * @returns the pauses that it ended
   */
  resumeDelivery(type: string | undefined): Promise<DeliveryPause[]>;
  /** Ends the pause of one type, or of all types (undefined), by a dialler, if it ends by itself. */
  endDiallerPause(type: string | undefined): Promise<void>;
}
