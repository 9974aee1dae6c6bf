/** Random reports of results. */
import fc from 'fast-check';
import { at, call, index, maybe, mobile, type } from './call.ts';

const code = fc.constantFrom(
  { code: 'NI', result: 'not-interested' } as const,
  { code: 'SALE', result: 'converted' } as const,
  { code: 'XYZ', result: null },
  { code: 'DNC', result: 'do-not-call' } as const,
);

const report = fc.record({
  callId: fc.constantFrom('1', '2', 'Ab'),
  calledAt: fc.constantFrom(1, 2),
  talkTime: fc.constantFrom(null, 0, 90),
  receivedAt: fc.constantFrom(3, 4),
  types: maybe(fc.uniqueArray(type, { maxLength: 2 })),
});

export const callResults = [
  {
    weight: 4,
    arbitrary: call('recordCallResult', { index, code, report }, async (subject, given) => {
      const leadId = at(subject.leadIds(), given.index) ?? 'nothing';
      const recorded = await subject.store.recordCallResult({
        ...given.report,
        ...given.code,
        leadId,
        dialler: 'vicidial',
      });
      // No order is promised.
      return 'withdrawals' in recorded
        ? { ...recorded, leads: recorded.leads?.length, withdrawals: recorded.withdrawals?.length }
        : recorded;
    }),
  },
  {
    weight: 1,
    arbitrary: call('callResults', { mobile }, ({ store }, given) =>
      Array.fromAsync(store.callResults(given.mobile)),
    ),
  },
];
