import type { CreateScreeningService } from './screening.ts';

/** A screening service that can be configured. Only the configured one is loaded. */
interface AvailableService {
  load(): Promise<CreateScreeningService>;
}

/** Every screening service by its name in `SCREENING`. To add one, write its file, and add an entry here. */
export const screeningServices: Readonly<Record<string, AvailableService>> = {
  http: { load: async () => (await import('./screening/http.ts')).createHttpScreening },
};

/** Names of the variables of all screening services. */
export const screeningVariables: readonly string[] = ['SCREENING_URL', 'SCREENING_SECRET'];
