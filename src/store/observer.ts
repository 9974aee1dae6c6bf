/** Receives measurements of a store, for metrics. */
export interface StoreObserver {
  /** Several calls were completed in one commit or statement. */
  batch(kind: string, size: number, milliseconds: number): void;
  /** Several calls failed because the store failed. */
  failure(kind: string, size: number): void;
  /** This machine's clock is ahead of the store's by at least this time (ms); negative: it is behind. */
  clockSkew(milliseconds: number): void;
}

/** Ignores all measurements. */
export const unobserved: StoreObserver = { batch: () => {}, failure: () => {}, clockSkew: () => {} };
