import type { CreateDialler } from './dialler.ts';

/**
 * Every dialler by its name in `DIALLER`. To add one, write its file, add a line here and describe it in the docs. Only
 * the configured dialler is loaded.
 */
export const diallers: Readonly<Record<string, () => Promise<CreateDialler>>> = {
  log: async () => (await import('./diallers/log.ts')).createLogDialler,
  webhook: async () => (await import('./diallers/webhook.ts')).createWebhook,
  vicidial: async () => (await import('./diallers/vicidial/vicidial.ts')).createVicidial,
};
