/** What a screening service reports about a number. */
export interface ScreenedNumber {
  /** E.164, as it was asked. */
  number: string;
  isListed: boolean;
  /** Names of the lists that contain it; empty: the service does not name them. */
  lists: readonly string[];
  /** When the number was checked (ms since 1970). */
  checkedAt: number;
  /** When it must be checked again (ms since 1970). */
  expiresAt: number;
}

/** The result of asking a service. */
export type ScreeningResponse =
  /** Numbers that the service did not mention are not screened, and are asked again. */
  | { screened: ScreenedNumber[] }
  /** The service is unavailable, or its response is not valid: a clause without personal data or secrets. */
  | { failure: string };

/** A service that reports whether numbers may be called. To add one, see CONTRIBUTING.md. */
export interface ScreeningService {
  /** Name under which its results are stored. */
  readonly name: string;
  /**
   * Asks whether numbers are listed. Never rejects.
   *
   * @param numbers E.164, up to 200
   * @param signal ends the request, after `screeningTimeout` at the latest
   */
  screen(numbers: readonly string[], signal: AbortSignal): Promise<ScreeningResponse>;
}

/** Creates a service. @throws {ConfigError} if its variables are missing or invalid */
export type CreateScreeningService = (environment: NodeJS.ProcessEnv) => ScreeningService;

/**
 * Maximum time for which a claim waits for a service (ms). It is shorter than the time by which a lease outlasts an
 * attempt, so that no lease ends meanwhile.
 */
export const screeningTimeout = 3_000;
