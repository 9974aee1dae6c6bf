import type { CreateDialler } from './dialler.ts';

/** Names of the variables of all diallers, which are not loaded to list them. */
export const diallerVariables: readonly string[] = [
  'DIALLER_URL',
  'DIALLER_SECRET',
  'DIALLER_WITHDRAW',
  'DIALLER_USER',
  'DIALLER_PASSWORD',
  'DIALLER_LISTS',
  'DIALLER_NUMBERS',
  'DIALLER_DUPLICATE_CHECK',
  'DIALLER_LETTERS',
  'DIALLER_MAX_RUNTIME',
];

/**
 * Every dialler by its name in `DIALLER`. To add one, write its file, add a line here and its variables above, and
 * describe it in the docs. Only the configured dialler is loaded.
 */
export const diallers: Readonly<Record<string, () => Promise<CreateDialler>>> = {
  log: async () => (await import('./diallers/log.ts')).createLogDialler,
  webhook: async () => (await import('./diallers/webhook.ts')).createWebhook,
  vicidial: async () => (await import('./diallers/vicidial/vicidial.ts')).createVicidial,
};
