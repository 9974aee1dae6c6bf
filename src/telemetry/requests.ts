import { LimitedLog, partnerLineLimit } from './limited-log.ts';
import type { Log } from './log.ts';

/** A request with a response, without its body and its key. */
export interface CompletedRequest {
  requestId: string;
  /** operationId of the contract; undefined: the request matched no operation. */
  operation?: string | undefined;
  /** Name of the partner; undefined: no valid key. */
  partner?: string | undefined;
  /** Whether the key is a test key, whose requests are not counted. Undefined: it is not, or there is none. */
  isTest?: boolean | undefined;
  /** A rejected key of a partner, its partner, and the reason. Undefined: the key was accepted or is unknown. */
  rejectedKey?: { keyId: string; partner: string; reason: string } | undefined;
  /** IP address of the client; only without a valid key. */
  address?: string | undefined;
  /** Outcome, one of a fixed set: the header `Lead-Outcome` of the response. */
  outcome: string;
  /** Id of the lead in the response; undefined: none. */
  leadId?: string | undefined;
  /** Whether the response is that to an earlier request with the same idempotency key. Undefined: it is not. */
  isReplay?: boolean | undefined;
  /** Numbers of rows of the request by their outcomes. Undefined: it has no rows, or the response is replayed. */
  rows?: Readonly<Record<string, number>> | undefined;
  status: number;
  /** Time from receiving the headers of the request to its response (ms). */
  milliseconds: number;
}

/** Handles a completed request. */
export type OnResponse = (request: CompletedRequest) => void;

/** Maximum number of child loggers, one for each operation, partner and outcome. */
const maxChildLoggers = 1_000;

/** Returns the level of a request's line: `error` if its cause is in the server. */
function levelOf(outcome: string): 'info' | 'error' {
  return outcome === 'server-error' ? 'error' : 'info';
}

/**
 * Creates a handler that logs one line per request. Lines about requests without a valid key, and about those beyond a
 * key's rate limit or a partner's daily quota, are limited, so that clients cannot fill the disk.
 */
export function requestLog(log: Log): OnResponse {
  const logAuthenticated = authenticatedLog(log);
  const logUnauthenticated = unauthenticatedLog(log);
  return (request) => {
    if (!log.isLevelEnabled(levelOf(request.outcome))) return;
    if (request.partner === undefined) logUnauthenticated(request);
    else logAuthenticated(request);
  };
}

/** Fields that many lines share, with a child logger that has serialised them. */
interface ChildLogger
  extends Pick<CompletedRequest, 'operation' | 'partner' | 'isTest' | 'outcome' | 'isReplay' | 'status'> {
  write(fields: object): void;
}

/** Serialises shared fields once for all their lines, which halves the time per line. */
function authenticatedLog(log: Log): OnResponse {
  const children = new Map<string, ChildLogger>();
  let last: ChildLogger | undefined;

  function childFor({
    operation,
    partner,
    isTest,
    outcome,
    isReplay,
    status,
  }: CompletedRequest): ChildLogger {
    const name = `${operation} ${status} ${outcome} ${isReplay} ${isTest} ${partner}`;
    let child = children.get(name);
    if (child === undefined) {
      if (children.size >= maxChildLoggers) children.clear();
      const fields = { operation, partner, outcome, status };
      const logged = { ...fields, ...(isTest && { test: true }), ...(isReplay && { replayed: true }) };
      child = {
        ...fields,
        isTest,
        isReplay,
        write: writerOf(log.child(logged), outcome, `${operation} ${outcome}`),
      };
      children.set(name, child);
    }
    return child;
  }

  return (request) => {
    if (last === undefined || !matches(last, request)) last = childFor(request);
    const { requestId, leadId, rows, milliseconds } = request;
    const ms = roundToTenth(milliseconds);
    if (rows !== undefined) last.write({ requestId, rows, ms });
    else last.write(leadId === undefined ? { requestId, ms } : { requestId, leadId, ms });
  };
}

/** Outcomes of which a partner can cause any number. */
const limitedOutcomes: readonly string[] = ['rate-limited', 'too-many-leads'];

/** Returns a function that writes the lines of an outcome. Those of `limitedOutcomes` are limited. */
function writerOf(log: Log, outcome: string, message: string): (fields: object) => void {
  const level = levelOf(outcome);
  if (!limitedOutcomes.includes(outcome)) return (fields) => log[level](fields, message);
  const limited = new LimitedLog(log, partnerLineLimit);
  return (fields) => limited.write(level, fields, message);
}

function matches(
  child: ChildLogger,
  { operation, partner, isTest, outcome, isReplay, status }: CompletedRequest,
): boolean {
  return (
    child.operation === operation &&
    child.outcome === outcome &&
    child.isReplay === isReplay &&
    child.isTest === isTest &&
    child.status === status &&
    child.partner === partner
  );
}

function unauthenticatedLog(log: Log): OnResponse {
  const limited = new LimitedLog(log);
  return ({ operation, rejectedKey, address, outcome, status, requestId, milliseconds }) => {
    const ms = roundToTenth(milliseconds);
    const fields = { operation, ...rejectedKey, address, outcome, status, requestId, ms };
    limited.write(levelOf(outcome), fields, `${operation ?? 'request'} ${outcome}`);
  };
}

function roundToTenth(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
