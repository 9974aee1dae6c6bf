import type { RuleContext } from '../../src/delivery/delivery-rules.ts';

/** What a store without registries, screening results, objections and a clock of its own returns to the rules of delivery. */
export const unscreened = {
  clockSkew: () => 0,
  registries: async () => [],
  screeningOfTypes: async () => [],
  listedNumbers: async () => [],
  screenings: async () => [],
  saveScreenings: async () => {},
  recordRefusedNumbers: async () => {},
  recordOtherPhones: async () => [],
} satisfies Partial<RuleContext['store']>;
