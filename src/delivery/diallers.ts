import type { CreateDialler } from './dialler.ts';

/** A dialler that can be configured. Only the configured one is loaded. */
interface AvailableDialler {
  /** Names of the environment variables that only diallers read. */
  variables: readonly string[];
  load(): Promise<CreateDialler>;
}

/** Every dialler by its name in `DIALLER`. To add one, write its file, add an entry here, and describe it in the docs. */
export const diallers: Readonly<Record<string, AvailableDialler>> = {
  log: { variables: [], load: async () => (await import('./diallers/log.ts')).createLogDialler },
  webhook: {
    variables: ['DIALLER_URL', 'DIALLER_SECRET', 'DIALLER_WITHDRAW'],
    load: async () => (await import('./diallers/webhook.ts')).createWebhook,
  },
  vicidial: {
    variables: [
      'DIALLER_URL',
      'DIALLER_USER',
      'DIALLER_PASSWORD',
      'DIALLER_LISTS',
      'DIALLER_NUMBERS',
      'DIALLER_DUPLICATE_CHECK',
      'DIALLER_LETTERS',
      'DIALLER_MAX_RUNTIME',
    ],
    load: async () => (await import('./diallers/vicidial/vicidial.ts')).createVicidial,
  },
};

/** Names of the variables of all diallers. */
export const diallerVariables: readonly string[] = [
  ...new Set(Object.values(diallers).flatMap(({ variables }) => variables)),
];
