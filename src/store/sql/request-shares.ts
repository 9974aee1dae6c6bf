import type { RequestShare, RequestShares, ShareTerms } from '../request-shares.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { statement } from './statement.ts';

/** Distributes the requests to the dialler by a table with a row for each server. */
export function requestShares(database: SqlDatabase): RequestShares {
  return {
    renewRequestShare: (terms) => database.change(() => renewShare(terms)),
    endRequestShare: async (server) => {
      await database.change(() => run(deleteShare, server));
    },
  };
}

/** Locks the row without a server, so that renewals run one after the other: servers that join at once see each other. */
const lockShares = statement(
  'lock_request_shares',
  `INSERT INTO request_share (server, requests, ends_at) VALUES ('', 0, 0)
   ON CONFLICT (server) DO UPDATE SET requests = 0`,
);

const deleteEnded = statement(
  'delete_ended_request_shares',
  ({ leaseStart }) => `DELETE FROM request_share WHERE server <> '' AND ends_at <= ${leaseStart('$1')}`,
);

const otherShares = statement<{ servers: number; requests: number }>(
  'other_request_shares',
  `SELECT count(*) AS servers, coalesce(sum(requests), 0) AS requests
   FROM request_share WHERE server NOT IN ('', $1)`,
);

const saveShare = statement(
  'save_request_share',
  ({ leaseStart }) => `
    INSERT INTO request_share (server, requests, ends_at) VALUES ($1, $2, ${leaseStart('$3')} + $4)
    ON CONFLICT (server) DO UPDATE SET requests = excluded.requests, ends_at = excluded.ends_at`,
);

const deleteShare = statement('end_request_share', 'DELETE FROM request_share WHERE server = $1');

function* renewShare({ server, total, max, held, duration }: ShareTerms): Change<RequestShare> {
  const now = Date.now();
  yield* run(lockShares);
  yield* run(deleteEnded, now);
  const others = (yield* firstRow(otherShares, server)) ?? { servers: 0, requests: 0 };
  const fair = Math.min(max, Math.max(1, Math.floor(total / (others.servers + 1))));
  const requests = Math.max(0, Math.min(fair, total - others.requests));
  // Other servers cannot have a share of the requests in flight until these have ended.
  const recorded = Math.max(requests, held);
  yield* run(saveShare, server, recorded, now, duration);
  return { requests, isChanging: requests < fair || recorded > requests };
}
