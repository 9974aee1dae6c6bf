/** Who paused: an operator, or a server whose dialler refuses the sender. */
export type PausedBy = 'operator' | 'dialler';

/** Leads that are held back until an operator resumes their delivery. */
export interface DeliveryPause {
  /** The lead type; undefined: all types. */
  type: string | undefined;
  by: PausedBy;
  /** Plain text without personal data or secrets: it is logged and shown. */
  reason: string;
  /** Milliseconds since 1970. */
  since: number;
}

/** Pauses of the delivery, shared by all servers of the store. Leads are accepted and cancelled as before. */
export interface DeliveryPauses {
  /** Returns the pauses in force: those of all types first, the others by type. */
  pauses(): Promise<DeliveryPause[]>;
  /**
   * Pauses the delivery of a type or of all types: once this is committed, no claim includes a lead of it. Pausing again
   * replaces an operator's reason; of several findings of a dialler the first one stays.
   *
   * @throws {UserError} if the type does not exist
   */
  pauseDelivery(pause: Pick<DeliveryPause, 'type' | 'by' | 'reason'>): Promise<void>;
  /**
   * Ends the pauses of a type, or those of all types (undefined). Pauses of single types outlast one of all types.
   *
   * @returns the pauses that it ended
   */
  resumeDelivery(type: string | undefined): Promise<DeliveryPause[]>;
}
