import type { CallingHoursSetting } from '../../leads/calling-hours/calling-hours.ts';
import type { AuditValues } from '../audit.ts';

/** The columns of `lead_type` with its calling hours. */
export interface CallingHoursRow {
  /** `always`, weekly hours, or null: undecided. */
  hours: string | null;
  zone: string | null;
  country: string | null;
  /** Dates, separated by commas. */
  holidays: string | null;
}

/** Selects a `CallingHoursRow` from `lead_type`. */
export const callingHoursColumns =
  'lead_type.calling_hours AS hours, lead_type.calling_zone AS zone, lead_type.calling_country AS country, lead_type.holidays';

/** Converts a row to the calling hours; null: undecided. */
export function callingHoursOf({
  hours,
  zone,
  country,
  holidays,
}: CallingHoursRow): CallingHoursSetting | null {
  if (hours === null || hours === 'always') return hours;
  if (zone === null || country === null)
    throw new Error('A lead type has calling hours without a time zone.');
  return { hours, zone, country, holidays: holidays ? holidays.split(',') : [] };
}

/** Converts calling hours to the values of their columns, in the order of `CallingHoursRow`. */
export function callingHoursValues(
  setting: CallingHoursSetting,
): [string, string | null, string | null, string | null] {
  if (setting === 'always') return [setting, null, null, null];
  const { hours, zone, country, holidays } = setting;
  return [hours, zone, country, holidays.join(',')];
}

/** Returns calling hours for the audit log. */
export function auditedHours(setting: CallingHoursSetting | null): AuditValues {
  if (setting === null || setting === 'always') return { calling_hours: setting };
  const { hours, zone, country, holidays } = setting;
  return { calling_hours: hours, calling_zone: zone, calling_country: country, holidays };
}
