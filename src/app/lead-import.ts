import { presetFor } from '../leads/calling-hours/presets.ts';
import { phoneParsers } from '../leads/phone.ts';
import { PartnerUsageCounter, type UsageLog } from '../server/partner-usage.ts';
import {
  type AddedRow,
  type LeadRow,
  type RowIntake,
  type RowSender,
  rowIntake,
} from '../server/row-intake.ts';
import type { Store } from '../store/store.ts';
import type { Config } from './config.ts';

/** What became of the rows of a batch. */
export interface ImportedRows {
  /** In the order of the rows. */
  rows: readonly AddedRow[];
  /** Number of rows that an earlier run has imported. */
  replayed: number;
}

/** Adds leads for an operator, by the rules of the partner's own requests except for its rate limit. */
export interface LeadImport extends Pick<RowIntake, 'fields'> {
  /**
   * Adds a batch in one transaction. If the same batch is added again within a day, only rows that were rejected are
   * processed again.
   *
   * @param isTest whether the rows are only tests, with which nothing is saved
   * @throws {StoreUnavailable}
   */
  add(sender: RowSender, rows: readonly LeadRow[], isTest: boolean): Promise<ImportedRows>;
  /** Saves the counts of accepted leads. */
  stop(): Promise<void>;
}

/**
 * Starts an import.
 *
 * @param settings those that the store has recorded
 * @throws if the store fails
 */
export async function startLeadImport(
  store: Store,
  { defaultCountry, phonePolicy }: Pick<Config, 'defaultCountry' | 'phonePolicy'>,
  log: UsageLog,
): Promise<LeadImport> {
  const dailyQuotas = await PartnerUsageCounter.start(store, log);
  const intake = rowIntake({
    store,
    phones: phoneParsers(defaultCountry, phonePolicy),
    undecidedHours: presetFor(defaultCountry),
    dailyQuotas,
  });
  return {
    fields: intake.fields,
    add: (sender, rows, isTest) => {
      if (!isTest) return addOnce(intake, sender, rows);
      const tests = rows.map((row) => ({ ...row, test: true }));
      return intake.add(sender, tests, false).then((added) => ({ rows: added.rows, replayed: 0 }));
    },
    stop: () => dailyQuotas.stop(),
  };
}

/** Adds a batch unless it was added before. The reason to reject a row, such as a quota, may no longer apply. */
async function addOnce(
  intake: RowIntake,
  sender: RowSender,
  rows: readonly LeadRow[],
): Promise<ImportedRows> {
  const { rows: first, isReplay } = await intake.add(sender, rows, true);
  if (!isReplay) return { rows: first, replayed: 0 };
  const rejected = rows.filter((_, index) => first[index]?.isRejected);
  const second = rejected.length === 0 ? [] : (await intake.add(sender, rejected, false)).rows;
  const next = second.values();
  const merged = first.map((row) => (row.isRejected ? (next.next().value ?? row) : row));
  return { rows: merged, replayed: rows.length - rejected.length };
}
