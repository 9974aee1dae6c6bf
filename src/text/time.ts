/** Formats the day of a time (ms since 1970) in UTC, such as `2026-11-20`. */
export function formatDate(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}

/** Formats a time (ms since 1970) as ISO 8601 in UTC, to the second; null stays null. */
export function formatTime(milliseconds: number): string;
export function formatTime(milliseconds: number | null): string | null;
export function formatTime(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}
