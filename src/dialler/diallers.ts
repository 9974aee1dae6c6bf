import type { CreateDialler } from './dialler.ts';
import { createLogDialler } from './log-dialler.ts';
import { createVicidial } from './vicidial/vicidial.ts';
import { createWebhook } from './webhook.ts';

/** Every dialler, by its name in `DIALLER`. A further one is a file and a line here. */
export const diallers: Readonly<Record<string, CreateDialler>> = {
  log: createLogDialler,
  webhook: createWebhook,
  vicidial: createVicidial,
};
