import { onTestFinished, vi } from 'vitest';
import { deliveryPermission, type RuleContext } from '../../src/delivery/delivery-rules.ts';
import type { Dialler } from '../../src/delivery/dialler.ts';
import { createWebhook } from '../../src/delivery/diallers/webhook.ts';
import { Dispatcher, type DispatcherOptions } from '../../src/delivery/dispatcher.ts';
import { phoneParsers } from '../../src/leads/phone.ts';
import type { LeadRecord } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { leadsIn } from './server.ts';

export const secret = `whsec_${Buffer.alloc(32, 'leads').toString('base64')}`;

/** Limits of a dialler, above those of the dispatchers in the tests. */
export const limits = { concurrency: 50, timeout: 20_000 };

const silent = await createLog('silent');

/** Creates a webhook dialler. */
export function webhookTo(url: string, secrets = secret, changes: Record<string, string> = {}): Dialler {
  return createWebhook({ DIALLER_URL: url, DIALLER_SECRET: secrets, ...changes }, limits);
}

/** Delivers the leads of a store with the shortest possible delays, until the test ends. */
export function dispatch(
  store: Store,
  dialler: Dialler,
  options: Partial<DispatcherOptions> & Pick<RuleContext, 'screening'> = {},
): Dispatcher {
  const dispatcher = new Dispatcher({
    store,
    dialler,
    permission: deliveryPermission({
      store,
      parsePhone: phoneParsers('GB').parse,
      defaultCountry: 'GB',
      callsPerDay: undefined,
      dialWithin: options.dialWithin,
      screening: options.screening,
    }),
    log: silent,
    concurrency: 4,
    timeout: 2_000,
    retrySchedule: [1, 1, 1, 1, 1, 1, 1, 1, 1],
    circuitBreakerDelays: { initial: 10, max: 50 },
    ...options,
  });
  onTestFinished(() => dispatcher.stop());
  return dispatcher;
}

/** Waits until an expectation holds, with time for a busy machine. */
export function until(expectation: () => unknown): Promise<unknown> {
  return vi.waitFor(expectation, { timeout: 25_000, interval: 10 });
}

/** Waits until a dispatcher has queried its store this many times, so that its earlier ticks are over. */
export function untilQueried(store: Store, method: 'nextAttemptAt' | 'pauses', times = 2): Promise<void> {
  const query = store[method].bind(store);
  return new Promise((resolve) => {
    let left = times;
    // The cast: the spy has the signature of the method that it replaces.
    const spy = vi.spyOn(store, method).mockImplementation((async () => {
      const result = await query();
      left -= 1;
      if (left === 0) {
        spy.mockRestore();
        resolve();
      }
      return result;
    }) as never);
  });
}

/** Waits until every lead of the store is in one of these states. */
export async function untilAll(store: Store, ...states: string[]): Promise<LeadRecord[]> {
  return vi.waitFor(
    async () => {
      const leads = await leadsIn(store);
      const others = leads.filter(({ state }) => !states.includes(state));
      if (leads.length === 0 || others.length > 0) throw new Error(`Leads are still ${others[0]?.state}.`);
      return leads;
    },
    { timeout: 25_000, interval: 20 },
  );
}
