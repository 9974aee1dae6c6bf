import type { PostgresDatabase } from './connection/database.ts';
import { isCurrent, writeStatement } from './connection/schema-version.ts';

/** Maximum number of rows of `lead_count` per state before they are merged. */
const maxUnmerged = 500;

/** If two servers merge at once, the second finds nothing left to do. */
const mergeCounts = writeStatement(
  'merge_lead_counts',
  `
    WITH changes AS (DELETE FROM lead_count RETURNING state, count)
    INSERT INTO lead_count (state, count) SELECT state, sum(count) FROM changes WHERE ${isCurrent} GROUP BY state`,
);

/** Merges the changes in `lead_count` if there are many. @param rows maximum number of changes per state */
export async function mergeLeadCounts(database: PostgresDatabase, rows: number): Promise<void> {
  if (rows > maxUnmerged) await database.write(mergeCounts);
}
