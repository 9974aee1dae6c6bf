import type { CallCounts, PersonDelivery } from '../call-counts.ts';
import type { SqlDatabase } from './database.ts';
import { statement } from './statement.ts';

/** Counts the calls of people in a database. */
export function callCounts(database: SqlDatabase): CallCounts {
  return { deliveriesSince: (mobiles, since) => database.read(deliveriesSince, mobiles, since) };
}

/** Finds the leads of each number by the index that begins with it. */
const deliveriesSince = statement<PersonDelivery>(
  'deliveries_since',
  ({ inList }) => `
    SELECT mobile, dialled_at AS "deliveredAt" FROM lead WHERE mobile ${inList('$1')} AND dialled_at >= $2
    ORDER BY dialled_at, id`,
);
