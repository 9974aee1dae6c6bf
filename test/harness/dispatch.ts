import { pino } from 'pino';
import { onTestFinished, vi } from 'vitest';
import type { Dialler } from '../../src/delivery/dialler.ts';
import { createWebhook } from '../../src/delivery/diallers/webhook.ts';
import { Dispatcher, type DispatcherOptions } from '../../src/delivery/dispatcher.ts';
import type { LeadRecord, Store } from '../../src/store/store.ts';
import { createLog, type Log } from '../../src/telemetry/log.ts';
import { leadsIn } from './server.ts';

export const secret = `whsec_${Buffer.alloc(32, 'leads').toString('base64')}`;

/** What a dialler may use, which is more than the dispatchers of the tests do. */
export const limits = { concurrency: 50, timeout: 20_000 };

const silent = await createLog('silent');

/** The webhook dialler, as the environment sets it up. */
export function webhookTo(url: string, secrets = secret): Dialler {
  return createWebhook({ DIALLER_URL: url, DIALLER_SECRET: secrets }, limits);
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
    circuitBreakerDelays: { first: 10, longest: 50 },
    ...options,
  });
  onTestFinished(() => dispatcher.stop());
  return dispatcher;
}

/** Waits until an expectation holds, however busy the machine is. */
export function until(expectation: () => unknown): Promise<unknown> {
  return vi.waitFor(expectation, { timeout: 25_000, interval: 10 });
}

/** Waits until a dispatcher has asked its store so many times from now on: the turns in between are over. */
export function asked(store: Store, question: 'nextAttemptAt' | 'pauses', times = 2): Promise<void> {
  const ask = store[question].bind(store);
  return new Promise((resolve) => {
    let left = times;
    // The cast: what the spy stands for is bound to the same question.
    const spy = vi.spyOn(store, question).mockImplementation((async () => {
      const response = await ask();
      left -= 1;
      if (left === 0) {
        spy.mockRestore();
        resolve();
      }
      return response;
    }) as never);
  });
}

/** A log whose lines are kept, and no others are written. */
export function keptLog(): { log: Log; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const formatters = { level: (label: string) => ({ level: label }) };
  const log = pino(
    { level: 'trace', base: null, formatters },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  return { log, lines };
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
