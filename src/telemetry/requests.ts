import { TokenBucket } from 'limiter';
import type { Log } from './log.ts';

/** A request that was answered. Nothing in it says what was sent, or by which key. */
export interface CompletedRequest {
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

export type OnResponse = (request: CompletedRequest) => void;

/** So many lines about strangers are written a second: whoever has no key must not fill the disk. */
const unauthenticatedLineLimit = { perSecond: 10, maxConcurrent: 100 };

/** So many kinds of lines are remembered. A kind is an operation, a partner, and what came of it. */
const maxKinds = 1_000;

/**
 * Writes one line a request. Of those that nobody with a good key sent only some are written while
 * there are many, and the next line says how many were left out.
 */
export function requestLog(log: Log): OnResponse {
  const partners = authenticatedLines(log);
  const strangers = unauthenticatedLines(log);
  return (request) => {
    if (!log.isLevelEnabled('info')) return;
    if (request.partner === undefined) strangers(request);
    else partners(request);
  };
}

/** What lines of the log have in common, and the log that has it written already. */
interface Kind extends Pick<CompletedRequest, 'operation' | 'partner' | 'outcome' | 'status'> {
  log: Log;
  message: string;
}

/** Most lines are of the same few kinds: what those have in common is written once, which halves what a line takes. */
function authenticatedLines(log: Log): OnResponse {
  const kinds = new Map<string, Kind>();
  let last: Kind | undefined;

  function kindOf({ operation, partner, outcome, status }: CompletedRequest): Kind {
    const name = `${operation} ${status} ${outcome} ${partner}`;
    let kind = kinds.get(name);
    if (kind === undefined) {
      if (kinds.size >= maxKinds) kinds.clear();
      const common = { operation, partner, outcome, status };
      kind = { ...common, log: log.child(common), message: `${operation} ${outcome}` };
      kinds.set(name, kind);
    }
    return kind;
  }

  return (request) => {
    if (last === undefined || !isOf(last, request)) last = kindOf(request);
    last.log.info({ requestId: request.requestId, ms: rounded(request.milliseconds) }, last.message);
  };
}

function isOf(kind: Kind, { operation, partner, outcome, status }: CompletedRequest): boolean {
  return (
    kind.operation === operation &&
    kind.outcome === outcome &&
    kind.status === status &&
    kind.partner === partner
  );
}

function unauthenticatedLines(log: Log): OnResponse {
  const room = new TokenBucket({
    bucketSize: unauthenticatedLineLimit.maxConcurrent,
    tokensPerInterval: unauthenticatedLineLimit.perSecond,
    interval: 'second',
  });
  room.content = unauthenticatedLineLimit.maxConcurrent;
  let leftOut = 0;
  return ({ operation, milliseconds, ...request }) => {
    if (!room.tryRemoveTokens(1)) {
      leftOut += 1;
      return;
    }
    const line: Record<string, unknown> = { operation, ...request, ms: rounded(milliseconds) };
    if (leftOut > 0) line['leftOut'] = leftOut;
    leftOut = 0;
    log.info(line, `${operation ?? 'request'} ${request.outcome}`);
  };
}

/** To a tenth. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
