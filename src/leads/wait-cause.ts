import { noCommonHours } from './calling-hours/calling-hours.ts';

/** What a scheduled lead can wait for before it may be delivered. */
export const waitCauses = ['calling-hours', noCommonHours, 'screening', 'registry', 'call-limit'] as const;

export type WaitCause = (typeof waitCauses)[number];
