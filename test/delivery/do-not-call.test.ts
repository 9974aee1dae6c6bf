/** The dialler never receives a number in the do-not-call list, whichever field of a lead contains it. */
import { describe, expect, test, vi } from 'vitest';
import type { DeliveryResult, Dialler } from '../../src/delivery/dialler.ts';
import { phoneParsers } from '../../src/leads/phone.ts';
import type { ClaimedLead } from '../../src/store/delivery.ts';
import { enterNumbers } from '../../src/store/objections.ts';
import type { Store } from '../../src/store/store.ts';
import { dispatch, until, untilAll } from '../harness/dispatch.ts';
import { leadsIn } from '../harness/server.ts';
import { operatorEntry } from '../harness/suppressions.ts';
import { openStore, seeded } from '../store/stores.ts';
import {
  advanceClock,
  DeliveryStore,
  dispatchFrom,
  heldDialler,
  leadsOf,
  runDue,
  succeedOnce,
} from './delivery-store.ts';

const delivered: DeliveryResult = { outcome: 'delivered', response: 'delivered' };
const { parse: parsePhone } = phoneParsers('GB');
const other = '+447840258824';

/** A dialler that records what it receives. */
function recordingDialler(result = delivered) {
  const received: ClaimedLead[] = [];
  const dialler: Dialler = {
    name: 'test',
    deliver: async (lead) => {
      received.push(lead);
      return result;
    },
  };
  return { dialler, received };
}

async function storeWith(content: object) {
  const all = await seeded(openStore());
  await all.store.submit(all.from(all.first.id, { content: JSON.stringify(content) }));
  return all;
}

/** Makes a claim find its leads in the list, as if their people had objected right after it. */
function objectAfterClaim(store: Store, ...mobiles: string[]): void {
  const claimDue = store.claimDue.bind(store);
  vi.spyOn(store, 'claimDue').mockImplementationOnce(async (terms) => {
    const result = await claimDue(terms);
    await store.addSuppressions(mobiles.map((mobile) => operatorEntry(mobile)));
    return result;
  });
}

describe('a claimed lead whose person has just objected', () => {
  test('is not sent, and withdrawn without an attempt', async () => {
    const { store } = await storeWith({});
    objectAfterClaim(store, '+447840258823');
    const { dialler, received } = recordingDialler();
    dispatch(store, dialler);
    const [lead] = await untilAll(store, 'withdrawing');
    await until(async () =>
      expect(await leadsIn(store)).toMatchObject([{ id: lead?.id, inFlightSince: null }]),
    );
    expect(received).toEqual([]);
    expect(await Array.fromAsync(store.attempts('+447840258823'))).toEqual([]);
  });

  test('is not sent again if the dialler may have it, but withdrawn', async () => {
    const { store } = await storeWith({});
    const { dialler, received } = recordingDialler({ outcome: 'unknown', response: 'timeout' });
    const recordAttempt = store.recordAttempt.bind(store);
    vi.spyOn(store, 'recordAttempt').mockImplementationOnce(async (...of) => {
      const isReopened = await recordAttempt(...of);
      await store.addSuppressions([operatorEntry('+447840258823')]);
      return isReopened;
    });
    dispatch(store, dialler);
    const [lead] = await untilAll(store, 'withdrawing');
    expect(lead).toMatchObject({ attempts: 1 });
    expect(await store.withdrawalOf(lead?.id ?? '')).toMatchObject({ cause: 'objection', outcome: null });
    expect(received).toHaveLength(1);
  });
});

describe('the other phone number', () => {
  test.each([false, true])(
    'makes its lead withdrawn if the person objects (during the attempt: %s)',
    async (isDuring) => {
      const { store } = await storeWith({ other_phone: '07840 258824' });
      const object = () => enterNumbers(store, parsePhone, [operatorEntry(other)]);
      const dialler: Dialler = {
        name: 'test',
        deliver: async () => {
          if (isDuring) await store.addSuppressions([operatorEntry(other)]);
          return delivered;
        },
      };
      dispatch(store, dialler);
      const [lead] = await untilAll(store, 'dialled');
      const { withdrawals } = await object();
      expect(withdrawals).toEqual([lead?.id]);
      expect(await store.withdrawalOf(lead?.id ?? '')).toMatchObject({ cause: 'objection', outcome: null });
    },
  );

  test('is left out if the person objects after the other rules were applied', async () => {
    const { store } = await storeWith({ first_name: 'John', other_phone: '07840 258824' });
    const { dialler, received } = recordingDialler();
    const read = store.suppressedNumbers.bind(store);
    vi.spyOn(store, 'suppressedNumbers').mockImplementationOnce(async (...of) => {
      const found = await read(...of);
      await store.addSuppressions([operatorEntry(other)]);
      return found;
    });
    dispatch(store, dialler);
    const [lead] = await untilAll(store, 'dialled');
    expect(received.map(({ content }) => content)).toEqual(['{"first_name":"John"}']);
    expect(await store.withdrawalOf(lead?.id ?? '')).toBeUndefined();
  });

  test('is left out if it is in the list, which the attempt records', async () => {
    const { store } = await storeWith({ first_name: 'John', other_phone: '07840 258824' });
    await store.addSuppressions([operatorEntry(other)]);
    const { dialler, received } = recordingDialler();
    dispatch(store, dialler);
    await untilAll(store, 'dialled');
    expect(received.map(({ content }) => JSON.parse(content))).toEqual([{ first_name: 'John' }]);
    const [attempt] = await Array.fromAsync(store.attempts('+447840258823'));
    expect(attempt?.response).toBe(
      'delivered; other_phone was left out, because it is in the do-not-call list',
    );
  });

  test.each([
    ['it is in the list for another type', '07840258824', { type: 'home' }],
    ['only its lead is in the list of another number', '07840258825', {}],
    ['it cannot be read', 'none', {}],
  ])('is sent if %s', async (_why, otherPhone, changes) => {
    const { store } = await storeWith({ other_phone: otherPhone });
    await store.addType('home', null);
    await store.addSuppressions([operatorEntry(other, changes)]);
    const { dialler, received } = recordingDialler();
    dispatch(store, dialler);
    await untilAll(store, 'dialled');
    expect(received.map(({ content }) => content)).toEqual([JSON.stringify({ other_phone: otherPhone })]);
  });
});

test('sends nothing while the store fails after a claim, and then each lead as if it had not been claimed', async () => {
  const { store } = await storeWith({});
  const { dialler, received } = recordingDialler();
  const asking = vi.spyOn(store, 'suppressedNumbers').mockRejectedValueOnce(new Error('failover'));
  dispatch(store, dialler);
  const releasing = vi.spyOn(store, 'releaseLeads').mockRejectedValueOnce(new Error('failover'));
  await until(() => expect(releasing).toHaveBeenCalledOnce());
  expect(received).toEqual([]);
  await untilAll(store, 'dialled');
  // An attempt that seems to be interrupted would be recorded as unknown.
  expect(await Array.fromAsync(store.attempts('+447840258823'))).toMatchObject([{ outcome: 'delivered' }]);
  expect(asking).toHaveBeenCalledTimes(2);
});

test('starts no attempt more than two seconds after a claim or a renewal that the store answered late', async () => {
  const store = new DeliveryStore();
  const { dialler, attempts } = heldDialler();
  await dispatchFrom(store, dialler);
  await succeedOnce(store, attempts);
  store.claimDue.mockImplementationOnce(async () => {
    vi.advanceTimersByTime(10_000);
    return store.due.splice(0);
  });
  for (const delay of [2_001, 9_000, 2_001]) {
    store.renewLease.mockImplementationOnce(async (_claim, ids) => {
      vi.advanceTimersByTime(delay);
      expect(attempts).toEqual([]);
      return [...ids];
    });
  }
  // The second person has objected meanwhile.
  store.renewLease.mockImplementationOnce(async () => {
    vi.advanceTimersByTime(2_000);
    return ['lead-1'];
  });
  store.due = leadsOf(2);
  store.change();
  await runDue();
  expect(attempts.map(({ lead }) => lead.id)).toEqual(['lead-1']);
  expect(store.suppressClaimed.mock.calls.map(([, ids]) => ids)).toEqual([['lead-2']]);
});

test('releases leads that could not be sent when the server stops and the store stays slow', async () => {
  const store = new DeliveryStore();
  const { dialler, attempts } = heldDialler();
  const { dispatcher } = await dispatchFrom(store, dialler);
  await succeedOnce(store, attempts);
  const late = async () => void vi.advanceTimersByTime(2_001);
  store.claimDue.mockImplementationOnce(async () => {
    await late();
    return store.due.splice(0);
  });
  let stopped: Promise<void> | undefined;
  store.renewLease.mockImplementation(async (_claim, ids) => {
    await late();
    stopped ??= dispatcher.stop();
    return [...ids];
  });
  store.due = leadsOf(1);
  store.change();
  await runDue();
  await advanceClock(10_000);
  await stopped;
  expect(attempts).toEqual([]);
  expect(store.releaseLeads.mock.calls.map(([, ids]) => ids)).toEqual([['lead-1']]);
});
