import type { CallCounts, PersonDelivery } from '../call-counts.ts';
import type { SqlDatabase } from './database.ts';
import { statement } from './statement.ts';

/** Counts the calls of people in a database. */
export function callCounts(database: SqlDatabase): CallCounts {
  return { deliveriesSince: (mobiles, since) => database.read(deliveriesSince, mobiles, since) };
}

/** Finds the leads of each number by the indexes that begin with it. */
const deliveriesSince = statement<PersonDelivery>(
  'deliveries_since',
  ({ inList }) => `
    SELECT mobile, dialled_at AS "deliveredAt" FROM lead WHERE mobile ${inList('$1')} AND dialled_at >= $2
    UNION ALL SELECT sent_other_phone.mobile, lead.dialled_at
      FROM sent_other_phone JOIN lead ON lead.id = sent_other_phone.lead_id
      WHERE sent_other_phone.mobile ${inList('$1')} AND lead.dialled_at >= $2
    ORDER BY 2`,
);
