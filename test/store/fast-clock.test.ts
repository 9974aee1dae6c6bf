/** Leads that were accepted while the clock was fast are due in the future; an operator can send them. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { claim, leadsIn } from '../harness/server.ts';
import { withClockOffset } from './clock.ts';
import { seeded, sharedStores } from './stores.ts';

const hour = 3_600_000;
const day = 24 * hour;

describe.each(sharedStores)('$name', ({ newUrl }) => {
  /** Opens a store that has accepted two leads while the clock was a day fast: one for now, one in ten minutes. */
  async function afterFastClock() {
    const store = await openStore(await newUrl());
    onTestFinished(() => store.close());
    const { first, from } = await seeded(store);
    const delayed = await withClockOffset(day, async () => {
      await store.submit(from(first.id));
      const submission = from(first.id, { mobile: '+447840258824', delays: 600 });
      await store.submit(submission);
      return submission;
    });
    const [delayedLead, lead] = await leadsIn(store);
    return { store, delayed, delayedId: delayedLead?.id ?? '', lead };
  }

  test('an early retry sends a lead that is due a day late', async () => {
    const { store, lead } = await afterFastClock();
    expect(lead?.acceptedAt).toBeGreaterThan(Date.now() + day - hour);
    expect(await store.leadStats()).toMatchObject({ due: 0, waitingForRetry: 0 });
    await expect(store.retryLead(lead?.id ?? '')).rejects.toThrow('pass --early');
    await store.retryLead(lead?.id ?? '', { isEarly: true });
    expect(await claim(store, 'test')).toMatchObject([{ id: lead?.id }]);
  });

  test('the delay of a re-run starts now, not when the submission seems to have been received', async () => {
    const { store, delayed, delayedId } = await afterFastClock();
    await store.cancelLead(delayedId);
    const before = Date.now();
    const { leadId } = await store.rerunSubmission(delayed.id);
    const rerun = (await leadsIn(store)).find(({ id }) => id === leadId);
    expect(rerun?.dueAt).toBeGreaterThanOrEqual(before + 600_000);
    expect(rerun?.dueAt).toBeLessThanOrEqual(Date.now() + 600_000);
  });
});
