import { Command } from 'commander';
import { isOutdated } from '../leads/registry-age.ts';
import type { RegistryRecord } from '../store/number-registries.ts';
import { formatDuration } from '../text/duration.ts';
import { formatDate, formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { wideOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import type { View } from './output.ts';

const members = {
  name: 'name of the registry',
  state:
    '`current`, `outdated`, or `missing`: no list was imported. Leads of types that require an outdated or missing list wait',
  date: 'date of the list; null: there is none',
  max_age: 'maximum age of the list (seconds)',
  numbers: 'number of numbers in the list; null: there is none',
  imported_at: 'when it was imported (ISO 8601); null: there is none',
  types: 'names of the lead types that require it',
};

function stateOf(registry: RegistryRecord): string {
  if (registry.datedAt === null) return 'missing';
  return isOutdated(registry, Date.now()) ? 'outdated' : 'current';
}

const view: View<RegistryRecord, keyof typeof members> = {
  columns: {
    REGISTRY: ({ name }) => name,
    STATE: stateOf,
    DATE: ({ datedAt }) => (datedAt === null ? '-' : formatDate(datedAt)),
    'MAX AGE': ({ maxAge }) => formatDuration(maxAge),
    NUMBERS: ({ size }) => (size === null ? '-' : String(size)),
    'REQUIRED BY': ({ types }) => types.join(', ') || '-',
    IMPORTED: ({ importedAt }) => (importedAt === null ? '-' : { time: importedAt }),
  },
  narrow: ['REGISTRY', 'STATE', 'DATE', 'MAX AGE', 'NUMBERS', 'REQUIRED BY'],
  json: (registry) => ({
    name: registry.name,
    state: stateOf(registry),
    date: registry.datedAt === null ? null : formatDate(registry.datedAt),
    max_age: registry.maxAge / 1_000,
    numbers: registry.size,
    imported_at: formatTime(registry.importedAt),
    types: registry.types,
  }),
};

/** `leads suppression registries`: lists the registries with their lists. */
export function registriesCommand(context: CommandContext): Command {
  const command = new Command('registries')
    .description('list the registries, such as TPS, with the date and age limit of each list')
    .addOption(wideOption());
  return defineAction(command, context, members, async ({ store, output }) => {
    await output.list(
      await store.registries(),
      view,
      'There are no registries. Run `leads suppression import --registry` to import a list.',
    );
  });
}
