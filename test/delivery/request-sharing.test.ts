/** A server sends only its share of the requests that the dialler's user permits to all servers together. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { RequestGate } from '../../src/delivery/diallers/vicidial/request-gate.ts';
import { RequestSharing } from '../../src/delivery/request-sharing.ts';
import type { RequestShare, RequestShares } from '../../src/store/request-shares.ts';
import { recordingLog } from '../harness/recording-log.ts';
import { advanceClock, stopClock } from './delivery-store.ts';

/** Starts sharing in a store that grants these shares in turn, and the last one again and again. */
function startSharing(...shares: (RequestShare | Error)[]) {
  stopClock();
  let last: RequestShare | Error = { requests: 0, isChanging: false };
  const store = {
    renewRequestShare: vi.fn<RequestShares['renewRequestShare']>(async () => {
      last = shares.shift() ?? last;
      if (last instanceof Error) throw last;
      return last;
    }),
    endRequestShare: vi.fn<RequestShares['endRequestShare']>(async () => {}),
  };
  const requests = new RequestGate(3, 9);
  const { log, lines } = recordingLog();
  const sharing = new RequestSharing({ store, requests, log, timeout: 20_000 });
  onTestFinished(() => sharing.stop());
  return { store, requests, sharing, lines };
}

test('sends nothing before the first renewal, then as much as its share', async () => {
  const { store, requests, lines } = startSharing({ requests: 2, isChanging: false });
  expect(requests.current).toBe(0);
  await advanceClock(0);
  expect(requests.current).toBe(2);
  expect(store.renewRequestShare.mock.calls).toMatchObject([
    [{ total: 9, max: 3, held: 0, duration: 50_000 }],
  ]);
  await advanceClock(5_000);
  expect(store.renewRequestShare.mock.calls).toMatchObject([[{ held: 0 }], [{ held: 2 }]]);
  expect(lines).toMatchObject([{ level: 'info', requests: 2, requestsOfAll: 9 }]);
});

test('while shares change, renews its share every second, with the requests that it may have in flight', async () => {
  const { store, requests, lines } = startSharing(
    { requests: 0, isChanging: true },
    { requests: 3, isChanging: true },
    { requests: 1, isChanging: true },
    { requests: 1, isChanging: false },
  );
  await advanceClock(0);
  expect([requests.current, lines]).toMatchObject([0, [{ level: 'warn', requests: 0 }]]);
  await advanceClock(1_000);
  const { signal } = new AbortController();
  for (let sent = 0; sent < 3; sent += 1) await requests.enter(signal);
  await advanceClock(1_000);
  expect(requests.current).toBe(1);
  for (let sent = 0; sent < 2; sent += 1) requests.leave();
  await advanceClock(1_000);
  expect(store.renewRequestShare.mock.calls.map(([{ held }]) => held)).toEqual([0, 0, 3, 1]);
});

test('without a renewal for half a minute, sends nothing until the store works again', async () => {
  const failures = Array.from({ length: 40 }, () => new Error('disk full'));
  const share = { requests: 3, isChanging: false };
  const { requests, lines } = startSharing(share, ...failures, share);
  await advanceClock(29_000);
  expect(requests.current).toBe(3);
  await advanceClock(1_000);
  expect(requests.current).toBe(0);
  expect(lines.at(-1)).toMatchObject({ level: 'error', msg: expect.stringMatching(/retrying\.$/) });
  await advanceClock(20_000);
  expect(requests.current).toBe(3);
});

test('leaves its share to the others when it stops', async () => {
  const { store, requests, sharing } = startSharing({ requests: 3, isChanging: false });
  await advanceClock(0);
  await sharing.stop();
  expect(requests.current).toBe(0);
  expect(store.endRequestShare.mock.calls).toEqual([[store.renewRequestShare.mock.calls[0]?.[0].server]]);
  expect(vi.getTimerCount()).toBe(0);
});
