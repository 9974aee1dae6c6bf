/**
 * The locks of VICIdial's table that called people twice, at their real length. The tests run at the same time, and mostly
 * wait.
 */
import { describe, expect, test, vi } from 'vitest';
import { dispatch } from '../../harness/dispatch.ts';
import { leadsIn } from '../../harness/server.ts';
import { diallerAt, johnsMobile, startVicidial, withLead } from './start.ts';

/** Default of DIALLER_TIMEOUT (ms). */
const timeout = 10_000;

/** DIALLER_MAX_RUNTIME (ms): an attempt and this time together are longer than the longest lock. */
const maxRuntime = 40_000;

describe.concurrent('while the table is locked', () => {
  test.each([22_000, 45_000])(
    'for %i ms, with two dispatchers, the lead is added once and completely',
    { timeout: 150_000 },
    async (lock) => {
      const { vicidial, receiver, dialler } = await startVicidial({
        DIALLER_MAX_RUNTIME: String(maxRuntime),
      });
      const { store } = await withLead({ data: '{"vehicle_make": "Ford"}' });
      const unlock = vicidial.lock();
      setTimeout(unlock, lock);
      const other = diallerAt(receiver.url, { DIALLER_MAX_RUNTIME: String(maxRuntime) });
      for (const each of [dialler, other]) dispatch(store, each, { timeout });
      await vi.waitFor(async () => expect(await leadsIn(store)).toMatchObject([{ state: 'dialled' }]), {
        timeout: 120_000,
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
    },
  );
});
