/** What a screening service reported about a number. */
export interface ScreeningResult {
  /** E.164. */
  mobile: string;
  isListed: boolean;
  /** Names of the lists that contain it, if the service named them. */
  lists: readonly string[];
  /** When the service checked it (ms since 1970). */
  checkedAt: number;
  /** When it must be checked again (ms since 1970). */
  expiresAt: number;
}

/** That a number may not be called, which is kept as evidence. */
export interface RefusedNumber {
  leadId: string;
  /** E.164. */
  mobile: string;
  /** Milliseconds since 1970. */
  at: number;
  /** The registries or the service that list it, each with the date of its list, or of the check. */
  lists: Readonly<Record<string, string>>;
  /** What became of it: the lead was not delivered, or the number was left out of it. */
  result: 'suppressed' | 'other-phone-left-out';
}

/** What screening services reported, until it expires, and the evidence of refused numbers. */
export interface Screenings {
  /** Returns what a service reported about numbers that has not expired. @param now milliseconds since 1970 */
  screenings(service: string, mobiles: readonly string[], now: number): Promise<ScreeningResult[]>;
  /** Saves what a service reported, in place of what it reported before. */
  saveScreenings(service: string, results: readonly ScreeningResult[]): Promise<void>;
  /** Deletes a limited number of results that expired before a time. Returns their number. 0: none is left. */
  deleteScreenings(before: number): Promise<number>;
  /** Records evidence that numbers were not called because registries or a service list them. */
  recordRefusedNumbers(refused: readonly RefusedNumber[]): Promise<void>;
}
