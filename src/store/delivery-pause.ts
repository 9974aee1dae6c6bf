/** Author of a pause: an operator, or a server whose dialler gave a response that an operator must look into. */
export type PausedBy = 'operator' | 'dialler';

/** A pause of delivery. It lasts until an operator resumes delivery. */
export interface DeliveryPause {
  /** The lead type; undefined: all types. */
  type: string | undefined;
  by: PausedBy;
  /** Plain text without personal data or secrets: it is logged and shown. */
  reason: string;
  /** Milliseconds since 1970. */
  since: number;
}

/** Describes the lead types of a pause, for a sentence. @param type undefined: all types */
export function describePausedTypes(type: string | undefined): string {
  return type === undefined ? 'all lead types' : `lead type ${JSON.stringify(type)}`;
}

/** Pauses of delivery, shared by all servers of the store. During a pause, leads can still be added and cancelled. */
export interface DeliveryPauses {
  /** Returns the pauses in force: those of all types first, the others by type. */
  pauses(): Promise<DeliveryPause[]>;
  /**
   * Pauses the delivery of a type or of all types: once this is committed, no claim includes a lead of it. A second
   * pause by an operator replaces the reason; a second one by a dialler has no effect.
   *
   * @throws {UserError} if the type does not exist
   */
  pauseDelivery(pause: Pick<DeliveryPause, 'type' | 'by' | 'reason'>): Promise<void>;
  /**
   * Ends the pauses of one type, or those of all types (undefined). The latter leaves pauses of single types in force.
   *
   * @returns the pauses that it ended
   */
  resumeDelivery(type: string | undefined): Promise<DeliveryPause[]>;
}
