/** The log states what to do about a failed lead, which depends on whether the dialler may have it. */
import { expect, test } from 'vitest';
import type { DeliveryResult } from '../../src/delivery/dialler.ts';
import { dispatch, untilAll } from '../harness/dispatch.ts';
import { recordingLog } from '../harness/recording-log.ts';
import { claim, leadsIn, record } from '../harness/server.ts';
import { openStore, seeded } from '../store/stores.ts';

test.each([
  ['a rejection', ['rejected'], /^Delivery failed\. Run `leads lead retry`/],
  ['an unavailable dialler', ['unavailable', 'unavailable'], /^Delivery failed\. Run `leads lead retry`/],
  [
    'an unknown outcome',
    ['unavailable', 'unknown'],
    /the dialler may have the lead\. .*`leads lead resolve`/,
  ],
  [
    'a rejection after an unknown outcome',
    ['unknown', 'rejected'],
    /may have the lead\. .*`leads lead resolve`/,
  ],
  [
    'an unavailable dialler after an unknown outcome',
    ['unknown', 'unavailable'],
    /may have the lead\. .*`leads lead resolve`/,
  ],
] as const)('logs what to do about a lead that failed after %s', async (_what, outcomes, message) => {
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id));
  const { log, lines } = recordingLog();
  const results: DeliveryResult[] = outcomes.map((outcome) => ({ outcome, response: outcome }));
  const deliver = async () =>
    results.shift() ?? { outcome: 'rejected' as const, response: 'too many attempts' };
  dispatch(store, { name: 'test', deliver }, { log, retrySchedule: [1] });
  const [lead] = await untilAll(store, 'failed');
  expect(results).toEqual([]);
  const failures = lines.filter(({ msg }) => String(msg).startsWith('Delivery failed'));
  expect(failures).toMatchObject([{ level: 'error', lead: lead?.id, msg: expect.stringMatching(message) }]);
});

test('logs what to do about leads past DIAL_WITHIN that the dialler may have', async () => {
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id));
  const [lead] = await claim(store, 'test');
  await record(store, 'test', lead?.id ?? '', 'unknown', Date.now());
  await store.submit(from(first.id, { mobile: '+447840258824' }));
  const { log, lines } = recordingLog();
  dispatch(
    store,
    { name: 'test', deliver: () => Promise.reject(new Error('unused')) },
    { log, dialWithin: -1_000 },
  );
  await untilAll(store, 'failed', 'expired');
  const [expired, undecided] = await leadsIn(store);
  expect([expired?.state, undecided?.state]).toEqual(['expired', 'failed']);
  await expect
    .poll(() => lines.filter(({ msg }) => String(msg).includes('`leads lead resolve`')))
    .toMatchObject([{ level: 'error', leads: [undecided?.id] }]);
});
