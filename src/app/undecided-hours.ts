import { presetFor } from '../leads/calling-hours/presets.ts';
import type { LeadTypes } from '../store/lead-types.ts';
import type { Log } from '../telemetry/log.ts';

/**
 * Logs for which lead types nobody has decided when their people may be called: those of a store of version 1.0.0,
 * which knew no calling hours.
 *
 * @param country that of the deployment, whose hours apply to these types
 */
export async function reportUndecidedHours(
  store: Pick<LeadTypes, 'types'>,
  country: string,
  log: Log,
): Promise<void> {
  const types: string[] = [];
  for await (const { name, callingHours } of store.types()) if (callingHours === null) types.push(name);
  if (types.length === 0) return;
  log.warn(
    { types },
    `Lead types have no calling hours yet, so those of ${country} apply: ${presetFor(country).hours}, in the time zone of each person. Run \`leads type hours\` for each type, with hours, \`--preset\` or \`--always\`.`,
  );
}
