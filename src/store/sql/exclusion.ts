import type { Change } from './database.ts';

/** What a store contributes to changes that remove leads or people. Nothing, if it has one writer at a time. */
export interface Exclusion {
  /** Waits for the intake, cancellations, re-runs and pruning in progress, and makes later ones wait. */
  excludeWriters?(): Change<void>;
}
