import type { Store } from '../store/store.ts';

/** The parts of a store that show whether a partner is active. */
type Registered = Pick<Store, 'partners' | 'types'>;

/** Maximum time for which `/status` waits for the store (ms). */
const timeout = 1_000;

/** Returns why every request is rejected, and what to do; undefined: a partner is active. */
export async function findPartnerProblem(store: Registered): Promise<string | undefined> {
  const partners = await Array.fromAsync(store.partners());
  if (partners.some(({ suspendedAt, deletedAt }) => suspendedAt === null && deletedAt === null)) {
    return undefined;
  }
  if (partners.some(({ deletedAt }) => deletedAt === null)) {
    return 'Every partner is suspended, so every request is rejected. Run `leads partner resume`.';
  }
  if (partners.length > 0 || (await Array.fromAsync(store.types())).length > 0) {
    return 'No partner is active, so every request is rejected. Run `leads partner add` with a new name, and `leads key create`.';
  }
  return 'The store has no partners, so every request is rejected. If you have added partners, this is another store: correct DATABASE_URL, or mount its volume. In a new store, run `leads type add motor-trade`, `leads partner add demo --type motor-trade` and `leads key create demo`.';
}

/** Looks up, for `/status`, whether a partner is active. */
export class ActivePartners {
  readonly #store: Registered;
  /** The look-up in progress, which concurrent requests share. */
  #reading: Promise<string | undefined> | undefined;

  constructor(store: Registered) {
    this.#store = store;
  }

  /** As `findPartnerProblem`; also undefined if the store does not respond in time, which readiness reports. */
  problem(): Promise<string | undefined> {
    this.#reading ??= findPartnerProblem(this.#store)
      .catch(() => undefined)
      .finally(() => {
        this.#reading = undefined;
      });
    const late = new Promise<undefined>((resolve) => {
      setTimeout(() => resolve(undefined), timeout).unref();
    });
    return Promise.race([this.#reading, late]);
  }
}
