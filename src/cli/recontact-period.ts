import { parseDuration } from '../text/duration.ts';

/**
 * Parses a re-contact period: a duration such as `90d` (returned in ms), or `never` (null).
 *
 * @throws {UserError}
 */
export function parseRecontactPeriod(text: string): number | null {
  return text === 'never' ? null : parseDuration(text);
}

/** Converts a re-contact period to seconds, for JSON; null: never. */
export function toSeconds(milliseconds: number | null): number | null {
  return milliseconds === null ? null : milliseconds / 1000;
}
