import type { PartnerLimit } from '../partners/rate-limit.ts';

/** A partner's limit as its two columns hold it. */
export interface LimitColumns {
  rateLimit: number | null;
  rateBurst: number | null;
}

export function limitOf({ rateLimit, rateBurst }: LimitColumns): PartnerLimit {
  if (rateLimit === null || rateBurst === null) return 'default';
  return rateLimit === 0 ? 'off' : { perSecond: rateLimit, burst: rateBurst };
}

export function columnsOf(limit: PartnerLimit): LimitColumns {
  if (limit === 'default') return { rateLimit: null, rateBurst: null };
  if (limit === 'off') return { rateLimit: 0, rateBurst: 0 };
  return { rateLimit: limit.perSecond, rateBurst: limit.burst };
}
