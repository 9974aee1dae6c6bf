import type { CircuitBreaker } from './circuit-breaker.ts';
import type { PauseTracker } from './pause-tracker.ts';
import type { DeliveryPermission } from './permission.ts';

/** State of delivery, as operators see it. */
export interface DispatcherStatus {
  dialler: string;
  /** `waiting` for a dialler that is down or busy, or for the store; `paused` until an operator resumes delivery. */
  state: 'running' | 'waiting' | 'paused';
  /** Why nothing is delivered, or which leads are not while others are. */
  reason?: string;
}

/** What determines the state of delivery. */
export interface StatusSources {
  /** Name of the dialler. */
  dialler: string;
  circuit: CircuitBreaker;
  pauses: PauseTracker;
  permission: Pick<DeliveryPermission, 'problem'>;
  /** When the claim in progress began (`performance.now()`); undefined: none is in progress. */
  claimBegan: number | undefined;
  /** Whether the last claim failed. */
  hasStoreFailed: boolean;
}

/** Time without a response of the store after which the dispatcher reports that it waits for it (ms). */
const maxStoreDelay = 30_000;

/** Returns the state of delivery. */
export function dispatcherStatus(sources: StatusSources): DispatcherStatus {
  const { dialler, pauses, permission } = sources;
  const { reasonAllPaused, description } = pauses;
  if (reasonAllPaused !== undefined) return { dialler, state: 'paused', reason: reasonAllPaused };
  const reason = storeProblem(sources) ?? diallerProblem(sources);
  if (reason !== undefined) return { dialler, state: 'waiting', reason };
  const reasons = [description, permission.problem].filter((each) => each !== undefined);
  return { dialler, state: 'running', ...(reasons.length > 0 && { reason: reasons.join(' ') }) };
}

/** Why the store delays delivery (a sentence); undefined: it does not. */
function storeProblem({ claimBegan, hasStoreFailed }: StatusSources): string | undefined {
  const delay = performance.now() - (claimBegan ?? Number.POSITIVE_INFINITY);
  if (delay >= maxStoreDelay) return `The store has not responded for ${Math.round(delay / 1_000)} s.`;
  return hasStoreFailed ? 'The store failed while claiming due leads. See the log.' : undefined;
}

/** Why the dialler delays delivery (a sentence); undefined: it does not. */
function diallerProblem({ circuit }: StatusSources): string | undefined {
  const delay = Math.ceil(circuit.remainingDelay() / 1_000);
  if (delay === 0 && !circuit.isDown) return undefined;
  const state =
    delay > 0
      ? `The dialler is unavailable; next attempt in ${delay} s.`
      : 'The last attempt failed; one lead is sent at a time.';
  return circuit.lastFailure === undefined ? state : `${state} Last response: ${circuit.lastFailure}.`;
}
