import type { CreateDialler } from './dialler.ts';

/**
 * Every dialler, by its name in `DIALLER`. A further one is a file and a line here. Only the one that is asked for is
 * loaded: the others are no part of the server's start.
 */
export const diallers: Readonly<Record<string, () => Promise<CreateDialler>>> = {
  log: async () => (await import('./diallers/log.ts')).createLogDialler,
  webhook: async () => (await import('./diallers/webhook.ts')).createWebhook,
  vicidial: async () => (await import('./diallers/vicidial/vicidial.ts')).createVicidial,
};
