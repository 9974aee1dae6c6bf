import type { RefusedNumber, ScreeningResult, Screenings } from '../screenings.ts';
import { stepSize } from '../steps.ts';
import { auditedByCommand } from './audit.ts';
import { type Change, run, type SqlDatabase } from './database.ts';
import { recordEvidence } from './evidence/pending.ts';
import { statement } from './statement.ts';

/** Keeps the results of screening services in a database. */
export function screenings(database: SqlDatabase): Screenings {
  return {
    async screenings(service, mobiles, now) {
      if (mobiles.length === 0) return [];
      return (await database.read(validResults, service, mobiles, now)).map(resultOf);
    },
    saveScreenings: (service, results) => database.change(() => save(service, results)),
    deleteScreenings: (before) => database.change(() => deleteExpired(before)),
    recordRefusedNumbers: (refused) => database.change(() => recordRefused(refused)),
  };
}

interface ScreeningRow extends Omit<ScreeningResult, 'lists'> {
  /** Names, separated by commas. */
  lists: string | null;
}

const validResults = statement<ScreeningRow>(
  'screenings',
  ({ inList }) => `
    SELECT mobile, is_listed AS "isListed", lists, checked_at AS "checkedAt", expires_at AS "expiresAt"
    FROM screening WHERE mobile ${inList('$2')} AND service = $1 AND expires_at > $3`,
  { isListed: true },
);

function resultOf({ lists, ...row }: ScreeningRow): ScreeningResult {
  return { ...row, lists: lists?.split(',') ?? [] };
}

/** In the order of the key, so that two servers cannot deadlock. */
const upsertResults = statement(
  'save_screenings',
  ({ records }) => `
    INSERT INTO screening (mobile, service, is_listed, lists, checked_at, expires_at)
    SELECT mobile, $2, is_listed = 1, lists, checked_at, expires_at FROM ${records('$1', {
      mobile: 'text',
      is_listed: 'bigint',
      lists: 'text',
      checked_at: 'bigint',
      expires_at: 'bigint',
    })}
    WHERE true ORDER BY mobile
    ON CONFLICT (mobile, service) DO UPDATE SET is_listed = excluded.is_listed, lists = excluded.lists,
      checked_at = excluded.checked_at, expires_at = excluded.expires_at`,
);

function* save(service: string, results: readonly ScreeningResult[]): Change<void> {
  // `leads due --take` has recorded what it does.
  yield* auditedByCommand();
  // A statement cannot update a row twice.
  const latest = new Map(results.map((result) => [result.mobile, result]));
  const rows = [...latest.values()].map(({ mobile, isListed, lists, checkedAt, expiresAt }) => ({
    mobile,
    is_listed: Number(isListed),
    lists: lists.length === 0 ? null : lists.join(','),
    checked_at: checkedAt,
    expires_at: expiresAt,
  }));
  yield* run(upsertResults, JSON.stringify(rows), service);
}

const deleteOld = statement<{ mobile: string }>(
  'delete_screenings',
  ({ lockAvailable }) => `
    DELETE FROM screening WHERE (mobile, service) IN (
      SELECT mobile, service FROM screening WHERE expires_at < $1 ORDER BY expires_at LIMIT $2
      ${lockAvailable('screening')})
    RETURNING mobile`,
);

function* deleteExpired(before: number): Change<number> {
  return (yield* run(deleteOld, before, stepSize)).length;
}

function* recordRefused(refused: readonly RefusedNumber[]): Change<void> {
  yield* auditedByCommand();
  for (const { leadId, mobile, at, lists, result } of refused) {
    const content = { lead_id: leadId, lists, result };
    yield* recordEvidence({ kind: 'screening', mobile, happenedAt: at, content });
  }
}
