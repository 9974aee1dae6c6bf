/** A server reports mistakes in the dialler's set-up when it starts, and starts all the same. */
import { expect, test, vi } from 'vitest';
import { startDiallerCheck } from '../../src/app/dialler-check.ts';
import type { Dialler, DiallerCheck } from '../../src/delivery/dialler.ts';
import type { DeliveryPause } from '../../src/store/delivery-pauses.ts';
import { recordingLog } from '../harness/recording-log.ts';
import { openStore, seeded } from '../store/stores.ts';

/** Starts the check of a dialler. Returns what it logs. */
async function startCheck(check: NonNullable<Dialler['check']>, pause?: Omit<DeliveryPause, 'since'>) {
  const { store } = await seeded(openStore());
  if (pause !== undefined) await store.pauseDelivery(pause);
  const { log, lines } = recordingLog();
  const dialler: Dialler = { name: 'test', deliver: vi.fn(), check };
  const checking = startDiallerCheck({ dispatch: true, dialler }, store, log);
  return { store, checking, lines };
}

const list: DiallerCheck = {
  subject: 'list 1001',
  type: 'motor',
  result: 'problem',
  details: 'no such list',
};

test('logs each problem, and what only a person can check', async () => {
  const check = vi.fn(async () => [
    list,
    { ...list, result: 'ok' as const },
    { subject: 'login', result: 'unchecked' as const, details: 'call one lead' },
  ]);
  const { lines } = await startCheck(check);
  await expect
    .poll(() => lines)
    .toMatchObject([
      {
        level: 'error',
        check: 'list 1001',
        type: 'motor',
        msg: 'The dialler is not set up correctly: no such list. Run `leads dialler check` after you have fixed it.',
      },
      { level: 'info', check: 'login', msg: 'Check the dialler yourself: call one lead.' },
    ]);
  expect(check).toHaveBeenCalledWith(['motor'], expect.any(AbortSignal));
});

test('logs a check that fails', async () => {
  const { checking, lines } = await startCheck(async () => {
    throw new Error('disk full');
  });
  await expect
    .poll(() => lines)
    .toMatchObject([{ level: 'error', msg: 'The set-up of the dialler was not checked.' }]);
  await checking.stop();
});

test('does not log in while an operator has to correct the login', async () => {
  const check = vi.fn(async () => [list]);
  const { checking, lines } = await startCheck(check, {
    type: undefined,
    by: 'dialler',
    reason: 'Login incorrect',
  });
  await checking.stop();
  expect([check.mock.calls, lines]).toEqual([[], []]);
});

test('a login that fails pauses delivery', async () => {
  const reason = 'Login incorrect: check DIALLER_USER';
  const login = { subject: 'login', result: 'problem' as const, details: reason, pause: { reason } };
  const { store } = await startCheck(async () => [login]);
  await expect.poll(() => store.pauses()).toMatchObject([{ type: undefined, by: 'dialler', reason }]);
});

test('ends when the server stops', async () => {
  const begun = Promise.withResolvers<void>();
  const { checking, lines } = await startCheck((_types, signal) => {
    begun.resolve();
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve([list])));
  });
  await begun.promise;
  await checking.stop();
  expect(lines).toEqual([]);
});
