import { onTestFinished, vi } from 'vitest';
import type { Dialler } from '../../src/dialler/dialler.ts';
import { Dispatcher, type DispatcherOptions } from '../../src/dialler/dispatcher.ts';
import { createWebhook } from '../../src/dialler/webhook.ts';
import type { LeadRecord, Store } from '../../src/store/store.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { leadsIn } from './server.ts';

export const secret = `whsec_${Buffer.alloc(32, 'leads').toString('base64')}`;

const silent = await createLog('silent');

/** The webhook dialler, as the environment sets it up. */
export function webhookTo(url: string, secrets = secret): Dialler {
  return createWebhook({ DIALLER_URL: url, DIALLER_SECRET: secrets });
}

/** Brings the leads of a store to a dialler; stops with the test. The pauses are as short as can be. */
export function dispatch(
  store: Store,
  dialler: Dialler,
  options: Partial<DispatcherOptions> = {},
): Dispatcher {
  const dispatcher = new Dispatcher({
    store,
    dialler,
    log: silent,
    concurrency: 4,
    timeout: 2_000,
    pauses: [1, 1, 1, 1, 1, 1, 1, 1, 1],
    circuitPauses: { first: 10, longest: 50 },
    ...options,
  });
  onTestFinished(() => dispatcher.stop());
  return dispatcher;
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
