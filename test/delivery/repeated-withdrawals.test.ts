/** A withdrawn lead is removed once more, and a withdrawal that no dialler carries out becomes a task of an operator. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { CircuitBreaker } from '../../src/delivery/circuit-breaker.ts';
import type { Dialler, WithdrawalResult } from '../../src/delivery/dialler.ts';
import { withdrawWithoutDialler } from '../../src/delivery/no-dialler.ts';
import { PauseTracker } from '../../src/delivery/pause-tracker.ts';
import { SettlingLeads } from '../../src/delivery/settling-leads.ts';
import { Withdrawer } from '../../src/delivery/withdrawer.ts';
import { erasePerson } from '../../src/store/erase-person.ts';
import { openStore as openAt } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { until } from '../harness/dispatch.ts';
import { asAdministrator } from '../harness/postgres.ts';
import { recordingLog } from '../harness/recording-log.ts';
import { cancel, deliverDue, leadsIn } from '../harness/server.ts';
import { person } from '../store/conformance/behaviour.ts';
import { closeAfterTest, openStore, seeded, sharedStores } from '../store/stores.ts';

/** Creates a store with a delivered lead whose partner has cancelled it. The clock stands still until it is set. */
async function cancelledLead(opening: Promise<Store> | Store = openStore()) {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const { store, first, from } = await seeded(opening);
  await store.setWithdraws(person.type, true);
  await store.submit(from(first.id));
  await deliverDue(store);
  await cancel(store, { partnerId: first.id, ...person });
  const [lead] = await leadsIn(store);
  return { store, id: lead?.id ?? '' };
}

/** Withdraws the leads of a store from a dialler that returns these results in turn. */
async function withdrawing(results: WithdrawalResult[], opening?: Promise<Store>) {
  const { store, id } = await cancelledLead(opening);
  const attempts = vi.fn<NonNullable<Dialler['cancel']>>(
    async () => results.shift() ?? { outcome: 'withdrawn', response: 'again' },
  );
  const { log, lines } = recordingLog();
  const noEvents = { onResume: () => {}, onDiallerResume: () => {} };
  const circuit = new CircuitBreaker();
  // Otherwise, nothing is claimed during the first attempt.
  circuit.recordSuccess();
  const start = () => {
    const withdrawer = new Withdrawer({
      store,
      dialler: { name: 'test', deliver: vi.fn(), cancel: attempts, repeatWithdrawalAfter: 70_000 },
      log,
      state: {
        circuit,
        pauses: new PauseTracker(store, log, noEvents),
        settling: new SettlingLeads(0),
        hasUncertainLeases: () => false,
      },
      concurrency: 8,
      timeout: 10_000,
      retrySchedule: [1],
    });
    onTestFinished(() => withdrawer.stop());
    return withdrawer;
  };
  const outcome = async () => (await store.withdrawalOf(id))?.outcome;
  return { store, attempts, lines, outcome, start };
}

/** Resolves once the withdrawer has looked for work again, and has claimed what is due. */
async function looked(store: Store): Promise<void> {
  const spy = vi.spyOn(store, 'nextWithdrawalAt');
  await until(() => expect(spy.mock.calls.length).toBeGreaterThanOrEqual(2));
  spy.mockRestore();
}

const done: WithdrawalResult = { outcome: 'withdrawn', response: 'done' };

test('a withdrawn lead is removed once more a minute later, also after a restart', async () => {
  const { store, attempts, lines, outcome, start } = await withdrawing([done]);
  const withdrawer = start();
  await until(async () => expect(await outcome()).toBe('withdrawn'));
  await withdrawer.stop();
  start();
  vi.setSystemTime(Date.now() + 60_000);
  await looked(store);
  expect(attempts).toHaveBeenCalledOnce();
  vi.setSystemTime(Date.now() + 11_000);
  await until(async () => expect(await store.nextWithdrawalAt()).toBeUndefined());
  expect(attempts.mock.calls.map(([{ isRepeat }]) => isRepeat)).toEqual([false, true]);
  expect(lines.map(({ level }) => level)).toEqual(['info']);
});

test.each<[string, WithdrawalResult, RegExp]>([
  [
    'was called',
    { outcome: 'too-late', response: 'INCALL' },
    /^A lead was called after it had been withdrawn/,
  ],
  ['cannot be removed', { outcome: 'unknown', response: 'HTTP 500' }, /^A withdrawn lead was not removed/],
])('an operator learns that a withdrawn lead %s', async (_what, result, message) => {
  const { lines, outcome, start } = await withdrawing([done, result, result]);
  start();
  await until(async () => expect(await outcome()).toBe('withdrawn'));
  vi.setSystemTime(Date.now() + 70_000);
  await until(() =>
    expect(lines.at(-1)).toMatchObject({ level: 'error', msg: expect.stringMatching(message) }),
  );
});

/** Stores with a function that lets 70 seconds pass for a repeat. PostgreSQL's clock cannot be set, so its time is. */
const clocks = sharedStores.map(({ name, newUrl }) => ({
  name,
  newUrl,
  wait: async (url: string) => {
    if (url.startsWith('sqlite:')) vi.setSystemTime(Date.now() + 70_000);
    else await asAdministrator(url, 'UPDATE withdrawal SET repeat_at = repeat_at - 70000');
  },
}));

test.each(clocks.flatMap((each) => [3_600_000, -3_600_000].map((step) => ({ ...each, step }))))(
  'a clock that is set by $step ms during a withdrawal neither repeats it at once nor loses it ($name)',
  async ({ newUrl, wait, step }) => {
    const url = await newUrl();
    const { store, attempts, outcome, start } = await withdrawing([], openAt(url).then(closeAfterTest));
    const responded = Promise.withResolvers<WithdrawalResult>();
    attempts.mockImplementationOnce(() => responded.promise);
    start();
    await until(() => expect(attempts).toHaveBeenCalledOnce());
    vi.setSystemTime(Date.now() + step);
    await looked(store);
    expect(attempts).toHaveBeenCalledOnce();
    responded.resolve(done);
    await until(async () => expect(await outcome()).toBe('withdrawn'));
    await looked(store);
    expect(attempts).toHaveBeenCalledOnce();
    await wait(url);
    await until(async () => expect(await store.nextWithdrawalAt()).toBeUndefined());
    expect(attempts).toHaveBeenCalledTimes(2);
  },
);

test('a person whose lead was withdrawn is erased only after the lead was removed once more', async () => {
  const { store, attempts, outcome, start } = await withdrawing([done]);
  start();
  await until(async () => expect(await outcome()).toBe('withdrawn'));
  const subject = { mobile: person.mobile, otherSubmissions: [] };
  const erasure = { digest: 'digest', keyId: 'key', erasedAt: Date.now(), evidenceReason: 'a test' };
  const evidence = { key: undefined, parsePhone: () => undefined };
  const erase = (maxWait: number) =>
    erasePerson(store, subject, erasure, { maxWait, isWithdrawing: true, evidence });
  await expect(erase(0)).rejects.toThrow('has not removed it once more yet, so nothing was erased');
  const erasing = erase(20_000);
  vi.setSystemTime(Date.now() + 70_000);
  expect(await erasing).toMatchObject({ atDialler: [], erased: { lead: 1, withdrawal: 1 } });
  expect(attempts).toHaveBeenCalledTimes(2);
});

/** Creates a store whose cancelled lead was withdrawn, and is to be removed once more now. */
async function toRemoveAgain(opening?: Promise<Store> | Store) {
  const { store, id } = await cancelledLead(opening);
  await store.claimWithdrawals({ claim: 'first', limit: 1, lease: 60_000 });
  const withdrawn = { leadId: id, endedAt: Date.now(), outcome: 'withdrawn', response: 'done' } as const;
  await store.recordWithdrawal('first', withdrawn, Date.now());
  expect(await store.withdrawalOf(id)).toMatchObject({ outcome: 'withdrawn' });
  return { store, id };
}

test.each(sharedStores)(
  'a withdrawn lead that cannot be removed once more is a failed withdrawal, which can be retried ($name)',
  async ({ newUrl }) => {
    const { store, id } = await toRemoveAgain(openAt(await newUrl()).then(closeAfterTest));
    const claim = async (name: string) => store.claimWithdrawals({ claim: name, limit: 1, lease: 60_000 });
    const fail = (name: string) =>
      store.recordWithdrawal(
        name,
        { leadId: id, endedAt: 5, outcome: 'unknown', response: 'HTTP 500' },
        undefined,
      );
    expect(await claim('again')).toMatchObject([{ isRepeat: true }]);
    await fail('again');
    expect(await Array.fromAsync(store.withdrawals({}, 10))).toMatchObject([
      { leadId: id, outcome: 'failed', response: 'HTTP 500' },
    ]);
    expect(await leadsIn(store)).toMatchObject([{ state: 'cancelled' }]);
    await store.retryWithdrawal(id);
    expect(await claim('retried')).toMatchObject([{ isRepeat: false, attemptNumber: 1 }]);
    await fail('retried');
    await store.resolveWithdrawal(id, true);
    expect(await store.withdrawalOf(id)).toMatchObject({ outcome: 'withdrawn' });
    expect(await leadsIn(store)).toMatchObject([{ state: 'cancelled' }]);
  },
);

test('without a dialler, a lead that is to be removed once more becomes a task of an operator', async () => {
  const { store, id } = await toRemoveAgain();
  const { log, lines } = recordingLog();
  const withdrawer = withdrawWithoutDialler({ store, log });
  onTestFinished(() => withdrawer.stop());
  await looked(store);
  expect(await store.withdrawalOf(id)).toMatchObject({ outcome: 'withdrawn' });
  vi.setSystemTime(Date.now() + 300_000);
  await until(async () => expect(await store.withdrawalOf(id)).toMatchObject({ outcome: 'failed' }));
  await until(() => expect(lines).toMatchObject([{ level: 'error', lead: id }]));
});

test('without a dialler, a withdrawal becomes a task of an operator once no other server has claimed it', async () => {
  const { store, id } = await cancelledLead();
  const { log, lines } = recordingLog();
  const withdrawer = withdrawWithoutDialler({ store, log });
  onTestFinished(() => withdrawer.stop());
  vi.setSystemTime(Date.now() + 299_000);
  await looked(store);
  expect(await store.withdrawalOf(id)).toMatchObject({ outcome: null });
  vi.setSystemTime(Date.now() + 1_000);
  await until(async () => expect(await store.withdrawalOf(id)).toMatchObject({ outcome: 'failed' }));
  const response = 'no dialler is configured (DIALLER=none): remove the lead where it was delivered to';
  expect(await store.withdrawalOf(id)).toMatchObject({ response });
  await until(() => expect(lines).toMatchObject([{ level: 'error', lead: id, response }]));
});
