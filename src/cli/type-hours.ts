import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import {
  type CallingHours,
  type CallingHoursSetting,
  CallingRule,
} from '../leads/calling-hours/calling-hours.ts';
import { type Holidays, parseHolidayFile } from '../leads/calling-hours/holidays.ts';
import { type PresetName, presetFor, presetNames, presetOf } from '../leads/calling-hours/presets.ts';
import { normaliseWeeklyHours } from '../leads/calling-hours/weekly-hours.ts';
import { findZone, zonesIn } from '../leads/calling-hours/zone-set.ts';
import { callingHoursDelay } from '../store/calling-hours.ts';
import type { LeadTypeRecord } from '../store/lead-types.ts';
import { reschedule } from '../store/reschedule.ts';
import { formatTime } from '../text/time.ts';
import { defineAction, type Session } from './action.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';
import { findType } from './find-type.ts';

/** Members of calling hours in JSON, with their descriptions. */
export const hoursMembers = {
  calling_hours: 'weekly hours in which people may be called, or `always`',
  calling_zone: 'time zone of the hours: `person` or an IANA name; null: always',
  calling_hours_decided:
    'whether somebody has decided on them; `false`: the store is from version 1.0.0, and the hours are those of DEFAULT_COUNTRY',
};

/** Returns the calling hours that apply to a type. @param country that of the deployment */
function hoursInForce(callingHours: CallingHoursSetting | null, country: string): CallingHoursSetting {
  return callingHours ?? presetFor(country);
}

/** Returns calling hours for JSON. */
export function hoursJson(
  callingHours: CallingHoursSetting | null,
  country: string,
): Record<keyof typeof hoursMembers, unknown> {
  const hours = hoursInForce(callingHours, country);
  return {
    calling_hours: hours === 'always' ? hours : hours.hours,
    calling_zone: hours === 'always' ? null : hours.zone,
    calling_hours_decided: callingHours !== null,
  };
}

/** Describes calling hours in a few words. */
export function describeHours(callingHours: CallingHoursSetting | null, country: string): string {
  const hours = hoursInForce(callingHours, country);
  if (hours === 'always') return 'always';
  const zone = hours.zone === 'person' ? "person's time zone" : hours.zone;
  const holidays =
    hours.holidays.length === 0 ? '' : `, ${counted(hours.holidays.length, 'holiday', 'holidays')}`;
  return `${hours.hours} (${zone}${holidays}${callingHours === null ? ', not decided' : ''})`;
}

/** Options of a command that sets calling hours. */
export interface HoursOptions {
  preset?: PresetName;
  always?: true;
}

/** Returns the options `--preset` and `--always`. */
export function hoursOptions(): Option[] {
  return [
    new Option('--preset <country>', 'the hours of a country, in the time zone of the person').choices(
      presetNames,
    ),
    new Option('--always', 'people may be called at any time').conflicts('preset'),
  ];
}

/** Returns the calling hours of a new type: by default those of the deployment's country. */
export function newTypeHours({ preset, always }: HoursOptions, country: string): CallingHoursSetting {
  if (always) return 'always';
  return preset === undefined ? presetFor(country) : presetOf(preset);
}

interface TypeHoursOptions extends HoursOptions {
  zone?: string;
  holidays?: string;
  number?: string;
}

/** `leads type hours`: shows or sets when the people of a type may be called. */
export function hoursCommand(context: CommandContext): Command {
  const command = new Command('hours')
    .description(
      'show or set when the people of a lead type may be called.\nLeads outside of the hours wait for the next opening',
    )
    .argument('<name>', 'name of the lead type')
    .argument('[hours]', 'weekly hours, such as "Mon-Fri 09:00-20:00, Sat 10:00-16:00"')
    .option(
      '--zone <zone>',
      'time zone of the hours: `person` (that of each person), or one such as Europe/London',
    )
    .option(
      '--holidays <file>',
      'file with a date (YYYY-MM-DD) on each line, on which nobody is called; replaces the earlier holidays',
    );
  for (const option of hoursOptions()) command.addOption(option);
  command.option('--number <number>', 'also show the next opening for a person with this phone number');
  return defineAction(
    command,
    context,
    {
      name: 'name of the lead type',
      ...hoursMembers,
      holidays: 'dates on which nobody is called',
      time_zones: 'time zones in which the person may be; null: no `--number`, or always',
      opens_at:
        'when the person may be called next (ISO 8601); null: no `--number`, or not in the next two weeks',
    },
    async (session, options: TypeHoursOptions, [given, hours]: [string, string | undefined]) => {
      const before = await findType(session.store, given);
      const setting = await readSetting(before, session.defaultCountry, hours, options);
      if (setting !== undefined) await changeHours(session, before, setting);
      await showHours(session, await findType(session.store, given), options.number);
    },
  );
}

/** Reads the new calling hours. Undefined: nothing is changed. @throws {UserError} */
async function readSetting(
  { callingHours }: LeadTypeRecord,
  country: string,
  hours: string | undefined,
  { zone, holidays: file, preset, always }: TypeHoursOptions,
): Promise<CallingHoursSetting | undefined> {
  if (hours !== undefined && (preset !== undefined || always)) {
    throw new UserError('Pass either hours, `--preset` or `--always`.');
  }
  if (always) return 'always';
  if (hours === undefined && preset === undefined && zone === undefined && file === undefined)
    return undefined;
  const before = hoursInForce(callingHours, country);
  if (before === 'always' && hours === undefined && preset === undefined) {
    throw new UserError(
      'The people of this lead type may be called at any time. Pass hours or `--preset`, too.',
    );
  }
  const base: CallingHours = preset !== undefined || before === 'always' ? presetFor(country) : before;
  const chosen = preset === undefined ? base : presetOf(preset);
  const kept = before === 'always' ? [] : before.holidays;
  return {
    ...chosen,
    ...(hours !== undefined && { hours: normaliseWeeklyHours(hours) }),
    ...(zone !== undefined && { zone: readZone(zone) }),
    holidays: file === undefined ? kept : await readHolidays(file),
  };
}

function readZone(text: string): string {
  const zone = text === 'person' ? text : findZone(text);
  if (zone !== undefined) return zone;
  throw new UserError(
    `${JSON.stringify(text)} is not a time zone. Use \`person\`, or a name such as Europe/London or America/New_York.`,
  );
}

async function readHolidays(file: string): Promise<Holidays> {
  try {
    return parseHolidayFile(await readFile(file, 'utf8'));
  } catch (error) {
    if (error instanceof UserError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`The file of holidays cannot be read (${reason}).`);
  }
}

/** Sets the hours, and applies them to the scheduled leads. */
async function changeHours(
  { store, note }: Session<string>,
  { name }: LeadTypeRecord,
  setting: CallingHoursSetting,
): Promise<void> {
  await store.setCallingHours(name, setting);
  // Until then, servers may still release leads until the earlier opening.
  await sleep(1.5 * callingHoursDelay);
  const { reconsidered, postponed } = await reschedule(store, name, setting);
  if (reconsidered > 0)
    note(`${counted(reconsidered, 'waiting lead is', 'waiting leads are')} scheduled by these hours.`);
  if (postponed > 0)
    note(
      `${counted(postponed, 'scheduled lead waits', 'scheduled leads wait')} for the next opening of these hours.`,
    );
}

async function showHours(
  { output, parsePhone, defaultCountry, note }: Session<string>,
  type: LeadTypeRecord,
  number: string | undefined,
): Promise<void> {
  const { name, callingHours } = type;
  const hours = hoursInForce(callingHours, defaultCountry);
  const opening = number === undefined ? undefined : openingFor(hours, number, parsePhone);
  const sentences = [
    `Calling hours of ${JSON.stringify(name)}: ${describeHours(callingHours, defaultCountry)}.`,
    ...(opening === undefined ? [] : [opening.sentence]),
  ];
  await output.done(sentences.join(' '), {
    name,
    ...hoursJson(callingHours, defaultCountry),
    holidays: hours === 'always' ? [] : hours.holidays,
    time_zones: opening?.zones ?? null,
    opens_at: opening?.opensAt === undefined ? null : formatTime(opening.opensAt),
  });
  noteProblems(type, hours, note);
}

/** Reports what an operator should correct. */
function noteProblems(
  { name, callingHours }: LeadTypeRecord,
  hours: CallingHoursSetting,
  note: (sentence: string) => void,
): void {
  if (callingHours === null) {
    note(
      `Nobody has decided on the hours of ${JSON.stringify(name)}: those of DEFAULT_COUNTRY apply. Run \`leads type hours\` with hours, \`--preset\` or \`--always\`.`,
    );
  }
  const last = hours === 'always' ? undefined : hours.holidays.at(-1);
  if (last !== undefined && last < new Date().toISOString().slice(0, 10)) {
    note(`The last holiday is ${last}. Add the next ones with \`--holidays\`.`);
  }
}

function openingFor(
  hours: CallingHoursSetting,
  number: string,
  parsePhone: Session<string>['parsePhone'],
): { sentence: string; zones: readonly string[] | null; opensAt: number | undefined } {
  const mobile = parsePhone(number);
  if (mobile === undefined) throw new UserError(`${JSON.stringify(number)} is not a valid phone number.`);
  const now = Date.now();
  if (hours === 'always') return { sentence: `${mobile}: now.`, zones: null, opensAt: now };
  const rule = new CallingRule(hours);
  const zones = zonesIn(rule.zonesOf({ mobile }));
  const { opensAt, waitsFor } = rule.opening({ mobile }, now);
  const where = zones.length > 3 ? `${zones.length} time zones` : zones.join(', ');
  if (waitsFor === 'no-common-hours') {
    return {
      sentence: `${mobile}: never in the next two weeks, because no hour is permitted in all of its time zones (${where}).`,
      zones,
      opensAt: undefined,
    };
  }
  const when = waitsFor === undefined ? 'now' : `at ${formatTime(opensAt)}`;
  return { sentence: `${mobile}: ${when} (${where}).`, zones, opensAt };
}
