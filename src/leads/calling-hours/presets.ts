import type { CallingHours } from './calling-hours.ts';

/** Names of the presets. */
export const presetNames = ['uk', 'us', 'de'] as const;

export type PresetName = (typeof presetNames)[number];

/** The hours of each preset, with its country (ISO 3166-1 alpha-2). docs/operating/calling-hours.md has the sources. */
const presets: Record<PresetName, { country: string; hours: string }> = {
  uk: { country: 'GB', hours: 'Mon-Fri 08:00-21:00, Sat-Sun 09:00-21:00' },
  us: { country: 'US', hours: 'Mon-Sun 08:00-21:00' },
  de: { country: 'DE', hours: 'Mon-Fri 09:00-20:00, Sat 10:00-16:00' },
};

/** The hours for a country without a preset: the strictest of the presets. */
const strictestHours = presets.de.hours;

/** Returns the calling hours of a preset, in the time zone of the person. */
export function presetOf(name: PresetName): CallingHours {
  return { ...presets[name], zone: 'person', holidays: [] };
}

/** Returns the calling hours for a country: those of its preset, or else the strictest ones. */
export function presetFor(country: string): CallingHours {
  const preset = Object.values(presets).find((each) => each.country === country);
  return { hours: preset?.hours ?? strictestHours, country, zone: 'person', holidays: [] };
}
