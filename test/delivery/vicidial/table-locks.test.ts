/**
 * The locks of VICIdial's table that called people twice, at their real length. Both run at the same time, and mostly
 * wait.
 */
import { expect, test, vi } from 'vitest';
import { dispatch } from '../../harness/dispatch.ts';
import { leadsIn } from '../../harness/server.ts';
import { diallerAt, johnsMobile, startVicidial, withLead } from './start.ts';

/** Default of DIALLER_TIMEOUT (ms). */
const timeout = 10_000;

/** DIALLER_MAX_RUNTIME (ms): an attempt and this time together are longer than the longest lock. */
const maxRuntime = 40_000;

/** Locks the table for some time (ms), and expects the lead to be added once and completely. */
async function expectOnceAfter(lock: number): Promise<void> {
  const changes = { DIALLER_MAX_RUNTIME: String(maxRuntime) };
  const { vicidial, receiver, dialler } = await startVicidial(changes);
  const { store } = await withLead({ data: '{"vehicle_make": "Ford"}' });
  setTimeout(vicidial.lock(), lock);
  for (const each of [dialler, diallerAt(receiver.url, changes)]) dispatch(store, each, { timeout });
  await vi.waitFor(async () => expect(await leadsIn(store)).toMatchObject([{ state: 'dialled' }]), {
    timeout: 140_000,
    interval: 100,
  });
  const [attempt] = await Array.fromAsync(store.attempts(johnsMobile));
  expect(attempt).toMatchObject({ outcome: 'unknown', response: 'no response in time' });
  const [lead] = await leadsIn(store);
  expect(vicidial.leads).toMatchObject([
    { columns: { vendor_lead_code: lead?.id }, custom: { vehicle_make: 'Ford' } },
  ]);
  expect(vicidial.hopper).toHaveLength(1);
  expect(vicidial.forms.filter((form) => form['function'] === 'add_lead')).toHaveLength(1);
}

test('while the table is locked for 22 s or 45 s, with two dispatchers, the lead is added once and completely', {
  timeout: 150_000,
}, async () => {
  // At the same time, in one test: what they open is closed when it ends.
  await Promise.all([expectOnceAfter(22_000), expectOnceAfter(45_000)]);
});
