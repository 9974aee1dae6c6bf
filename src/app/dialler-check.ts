import type { Dialler, DiallerCheck, DiallerPause } from '../delivery/dialler.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { Config } from './config.ts';

/** Maximum time of a check (ms). */
const timeout = 60_000;

/** Checks the set-up of a dialler for the types of a store that are not retired. Undefined: it cannot be checked. */
export async function checkDialler(
  dialler: Dialler,
  store: Pick<Store, 'types'>,
  signal: AbortSignal = AbortSignal.timeout(timeout),
): Promise<DiallerCheck[] | undefined> {
  if (dialler.check === undefined) return undefined;
  const types = await Array.fromAsync(store.types());
  return dialler.check(
    types.filter(({ retiredAt }) => retiredAt === null).map(({ name }) => name),
    signal,
  );
}

/**
 * Checks the dialler when a server starts, and logs each problem and what only a person can check. Leads are accepted
 * and delivered meanwhile. While an operator has to correct the login, nothing is checked: each failed login brings the
 * user closer to its lock.
 *
 * @returns a function that ends it
 */
export function startDiallerCheck(
  { dispatch, dialler }: Pick<Config, 'dispatch' | 'dialler'>,
  store: Pick<Store, 'types' | 'pauses' | 'pauseDelivery'>,
  log: Log,
): { stop(): Promise<void> } {
  const controller = new AbortController();
  const signal = AbortSignal.any([controller.signal, AbortSignal.timeout(timeout)]);
  async function run(): Promise<void> {
    if (!dispatch || dialler === undefined || (await isLoginRefused(store))) return;
    if (controller.signal.aborted) return;
    const checks = (await checkDialler(dialler, store, signal)) ?? [];
    if (controller.signal.aborted) return;
    for (const check of checks) if (check.result !== 'ok') logCheck(check, log);
    const pause = checks.find((each) => each.pause !== undefined)?.pause;
    if (pause !== undefined) await pauseAll(store, pause);
  }
  const running = run().catch((error) =>
    log.error({ err: error }, 'The set-up of the dialler was not checked.'),
  );
  return {
    stop: async () => {
      controller.abort(new DOMException('The server is stopping.', 'AbortError'));
      await running;
    },
  };
}

/** Pauses delivery as a lead with the same failed login would. */
function pauseAll(store: Pick<Store, 'pauseDelivery'>, { reason, retryAfter }: DiallerPause): Promise<void> {
  const retryAt = retryAfter === undefined ? undefined : Date.now() + retryAfter;
  return store.pauseDelivery({
    type: undefined,
    by: 'dialler',
    reason,
    ...(retryAt !== undefined && { retryAt }),
  });
}

/** Returns whether an operator has to correct something before the dialler can be used. */
async function isLoginRefused(store: Pick<Store, 'pauses'>): Promise<boolean> {
  const pauses = await store.pauses();
  return pauses.some(
    ({ type, by, retryAt }) => type === undefined && by === 'dialler' && retryAt === undefined,
  );
}

/** Logs a problem, or what only a person can check. */
function logCheck({ subject, type, subtype, details, result }: DiallerCheck, log: Log): void {
  const fields = {
    check: subject,
    ...(type !== undefined && { type }),
    ...(subtype !== undefined && { subtype }),
  };
  const reason = details.replace(/\.$/, '');
  if (result === 'unchecked') {
    log.info(fields, `Check the dialler yourself: ${reason}.`);
    return;
  }
  log.error(
    fields,
    `The dialler is not set up correctly: ${reason}. Run \`leads dialler check\` after you have fixed it.`,
  );
}
