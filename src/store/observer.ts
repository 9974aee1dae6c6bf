/** Is told what a store does, for metrics. */
export interface StoreObserver {
  /** Several calls were committed, or answered, together. */
  batch(kind: string, size: number, milliseconds: number): void;
  /** So many calls failed together: they were not at fault, the store was. */
  failure(kind: string, size: number): void;
  /** This machine's clock is ahead of the store's by at least this time (ms); negative if it is behind. */
  clockSkew(milliseconds: number): void;
}

/** For whom nobody watches. */
export const unobserved: StoreObserver = { batch: () => {}, failure: () => {}, clockSkew: () => {} };
