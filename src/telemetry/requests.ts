import { TokenBucket } from 'limiter';
import type { Log } from './log.ts';

/** A request that has its response. It includes neither personal data nor keys. */
export interface CompletedRequest {
  requestId: string;
  /** The contract's operationId. Undefined: the request reached no operation. */
  operation?: string | undefined;
  /** The partner's name. Undefined: the request was not authenticated. */
  partner?: string | undefined;
  /** The client's IP address, for a request that was not authenticated. */
  address?: string | undefined;
  /** The key of the contract's example for this response. */
  outcome: string;
  status: number;
  milliseconds: number;
}

/** Called after each response. */
export type OnResponse = (request: CompletedRequest) => void;

/** Maximum number of log lines about unauthenticated requests, so that nobody without a key can fill the disk. */
const unauthenticatedLineLimit = { perSecond: 10, burst: 100 };

/**
 * Returns a handler that logs one line per request. Lines about unauthenticated requests are limited; the next line
 * includes the number of lines that were left out.
 */
export function requestLog(log: Log): OnResponse {
  const bucket = new TokenBucket({
    bucketSize: unauthenticatedLineLimit.burst,
    tokensPerInterval: unauthenticatedLineLimit.perSecond,
    interval: 'second',
  });
  bucket.content = unauthenticatedLineLimit.burst;
  let leftOut = 0;

  return ({ milliseconds, ...request }) => {
    if (!log.isLevelEnabled('info')) return;
    const line: Record<string, unknown> = { ...request, ms: Math.round(milliseconds * 10) / 10 };
    if (request.partner === undefined) {
      if (!bucket.tryRemoveTokens(1)) {
        leftOut += 1;
        return;
      }
      if (leftOut > 0) line['leftOut'] = leftOut;
      leftOut = 0;
    }
    log.info(line, `${request.operation ?? 'request'} ${request.outcome}`);
  };
}
