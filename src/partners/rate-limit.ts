/** How many requests a key may send. */
export interface RateLimit {
  /** How many a second, for as long as one likes. */
  perSecond: number;
  /** How many at once, after a pause. */
  burst: number;
}

/** What limits a partner: a limit of its own, none (`off`), or that of the deployment (`default`). */
export type PartnerLimit = RateLimit | 'off' | 'default';

/** Where no burst is named it is what comes in so many seconds. */
const burstSeconds = 10;

/** The largest numbers that are taken. */
export const maxPerSecond = 1_000_000;
export const maxBurst = burstSeconds * maxPerSecond;

/** A limit whose burst may be left open. */
export function rateLimit(perSecond: number, burst: number = perSecond * burstSeconds): RateLimit {
  return { perSecond, burst };
}
