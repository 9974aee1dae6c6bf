import type { Dialler } from '../dialler.ts';

/** Creates a dialler that calls nobody: the dispatcher's log line about the delivery replaces the call. */
export function createLogDialler(): Dialler {
  return {
    name: 'log',
    deliver: async () => ({ outcome: 'delivered', response: 'logged; nobody is called (DIALLER=log)' }),
  };
}
