import type { Dialler } from '../dialler.ts';

/** Takes every lead and rings nobody: the line that the dispatcher logs stands for the call. */
export function createLogDialler(): Dialler {
  return {
    name: 'log',
    deliver: async () => ({ outcome: 'delivered', response: 'this line stands for the call' }),
  };
}
