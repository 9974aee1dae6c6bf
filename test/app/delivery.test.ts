/** What a process does with leads and withdrawals depends on its dialler. */
import { expect, test, vi } from 'vitest';
import { readConfig } from '../../src/app/config.ts';
import { startDelivery } from '../../src/app/delivery.ts';
import { settings } from '../delivery/vicidial/start.ts';
import { until } from '../harness/dispatch.ts';
import { recordingLog } from '../harness/recording-log.ts';
import { openStore } from '../store/stores.ts';

/** Starts delivery with this environment, runs something meanwhile, and stops. */
async function whileRunning(environment: Record<string, string>, work: (store: Spied) => unknown) {
  const store = spied();
  const delivery = startDelivery(await readConfig(environment), store, recordingLog().log, undefined);
  await work(store);
  await delivery?.stop();
  return store;
}

/** A store that records the calls by which processes are recognised. */
function spied() {
  const store = openStore();
  return Object.assign(store, {
    renewRequestShare: vi.fn(store.renewRequestShare),
    endRequestShare: vi.fn(store.endRequestShare),
    nextWithdrawalAt: vi.fn(store.nextWithdrawalAt),
  });
}

type Spied = ReturnType<typeof spied>;

test('a server with VICIdial shares its requests with other servers, and leaves them its share when it stops', async () => {
  const environment = { DIALLER: 'vicidial', DIALLER_URL: 'http://127.0.0.1:9/', ...settings };
  const { renewRequestShare, endRequestShare } = await whileRunning(environment, (store) =>
    until(() => expect(store.renewRequestShare).toHaveBeenCalled()),
  );
  const server = renewRequestShare.mock.calls[0]?.[0].server;
  expect(endRequestShare.mock.calls).toEqual([[server]]);
});

test('a server without a dialler looks for withdrawals, unless it delivers nothing', async () => {
  await whileRunning({ DIALLER: 'none' }, (store) =>
    until(() => expect(store.nextWithdrawalAt).toHaveBeenCalled()),
  );
  const { nextWithdrawalAt } = await whileRunning({ DIALLER: 'none', DISPATCH: 'off' }, () => {});
  expect(nextWithdrawalAt).not.toHaveBeenCalled();
});
