import { TokenBucket } from 'limiter';
import type { Log } from './log.ts';

/** A request that was answered. Nothing in it says what was sent, or by which key. */
export interface AnsweredRequest {
  requestId: string;
  /** The contract's operationId; undefined where the request came to none. */
  operation?: string | undefined;
  /** The partner's name; undefined for who has not shown a good key. */
  partner?: string | undefined;
  /** Where it came from; only of who has not shown a good key. */
  address?: string | undefined;
  /** What it came to, in a word of a fixed few. */
  outcome: string;
  status: number;
  milliseconds: number;
}

export type TellAnswered = (request: AnsweredRequest) => void;

/** So many lines about strangers are written a second: whoever has no key must not fill the disk. */
const strangersLines = { perSecond: 10, atOnce: 100 };

/**
 * Writes one line a request. Of those that nobody with a good key sent only some are written while
 * there are many, and the next line says how many were left out.
 */
export function requestLog(log: Log): TellAnswered {
  const room = new TokenBucket({
    bucketSize: strangersLines.atOnce,
    tokensPerInterval: strangersLines.perSecond,
    interval: 'second',
  });
  room.content = strangersLines.atOnce;
  let leftOut = 0;
  return ({ operation, milliseconds, ...request }) => {
    if (!log.isLevelEnabled('info')) return;
    const line: Record<string, unknown> = { operation, ...request, ms: Math.round(milliseconds * 10) / 10 };
    if (request.partner === undefined) {
      if (!room.tryRemoveTokens(1)) {
        leftOut += 1;
        return;
      }
      if (leftOut > 0) line['leftOut'] = leftOut;
      leftOut = 0;
    }
    log.info(line, `${operation ?? 'request'} ${request.outcome}`);
  };
}
