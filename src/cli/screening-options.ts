import { Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import type { LeadTypeRecord } from '../store/lead-types.ts';
import { type ScreeningMode, type ScreeningSetting, screeningModes } from '../store/type-screening.ts';
import { type OnOrOff, onOrOff } from './on-or-off.ts';

/** Options that set how the numbers of a lead type are screened. */
export interface ScreeningOptions {
  registries?: readonly string[];
  registryOverride?: OnOrOff;
  screening?: ScreeningMode;
}

/** How the numbers of a type for which nobody has decided are screened. */
export const defaultScreening: ScreeningSetting = {
  registries: [],
  registryOverride: false,
  screening: 'auto',
};

/** Members of the setting in JSON, with their descriptions. */
export const screeningMembers = {
  registries: 'names of the registries whose lists it requires',
  registry_override: 'whether leads with consent are delivered although a registry lists the number',
  screening: 'whether a screening service checks its numbers: `auto`, `on` or `off`',
};

/** Returns the options `--registries`, `--registry-override` and `--screening`. */
export function screeningOptions(): Option[] {
  return [
    new Option(
      '--registries <names>',
      'registries whose lists it requires, such as tps,ctps, or `none`: without a current list, its leads wait',
    ).argParser(parseRegistries),
    new Option(
      '--registry-override <rule>',
      'on: deliver leads with `consent_text` and `consent_at` although a registry lists the number',
    ).choices(onOrOff),
    new Option(
      '--screening <mode>',
      'auto: servers with SCREENING_URL check its numbers; on: its leads wait until a server has; off: none does',
    ).choices(screeningModes),
  ];
}

function parseRegistries(value: string): string[] {
  return value === 'none' ? [] : value.split(',').map((name) => parseRegistryName(name.trim()));
}

/** Checks the name of a registry. @throws {UserError} if it is invalid */
export function parseRegistryName(name: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,39}$/.test(name) && name !== 'none') return name;
  throw new UserError(
    `${JSON.stringify(name)} is not the name of a registry. Use 1 to 40 lower-case letters, digits and hyphens, such as tps.`,
  );
}

/** Returns what options change; undefined: nothing. */
export function screeningChanges(options: ScreeningOptions): Partial<ScreeningSetting> | undefined {
  const { registries, registryOverride, screening } = options;
  if (registries === undefined && registryOverride === undefined && screening === undefined) return undefined;
  return {
    ...(registries !== undefined && { registries }),
    ...(registryOverride !== undefined && { registryOverride: registryOverride === 'on' }),
    ...(screening !== undefined && { screening }),
  };
}

/** Returns the setting of a type for JSON. */
export function screeningJson({
  registries,
  registryOverride,
  screening,
}: ScreeningSetting): Record<keyof typeof screeningMembers, unknown> {
  return { registries, registry_override: registryOverride, screening };
}

/** Describes the setting of a type, such as `registries tps (not with consent), screening auto`. */
function describeScreening({ registries, registryOverride, screening }: ScreeningSetting): string {
  const names = registries.length === 0 ? 'none' : registries.join(', ');
  const override = registries.length > 0 && registryOverride ? ' (not with consent)' : '';
  return `registries ${names}${override}, screening ${screening}`;
}

/** Describes a change in a sentence with the setting before. */
export function describeChange(name: string, before: LeadTypeRecord, after: LeadTypeRecord): string {
  return `Lead type ${JSON.stringify(name)}: ${describeScreening(after)}. Before: ${describeScreening(before)}.`;
}
