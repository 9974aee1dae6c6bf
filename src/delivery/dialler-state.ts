import type { Log } from '../telemetry/log.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import type { DiallerPause } from './dialler.ts';
import type { PauseTracker } from './pause-tracker.ts';
import type { SettlingLeads } from './settling-leads.ts';

/** What deliveries and withdrawals share: both respect the state of the dialler, and both change it. */
export interface DiallerState {
  circuit: CircuitBreaker;
  pauses: PauseTracker;
  settling: SettlingLeads;
  /** Whether the clock was set forward during attempts in flight, so that their leases may seem to have ended. */
  hasUncertainLeases(): boolean;
}

/** What an attempt has shown about the dialler. */
export interface Observed {
  leadType: string;
  /** Whether it has decided on the lead. */
  hasDecided: boolean;
  /** Whether it works, although it has not decided on this lead. */
  isWorking?: boolean | undefined;
  /** Minimum delay that it requested (ms). */
  retryAfter?: number | undefined;
  pause?: DiallerPause | undefined;
  /** What it responded, without personal data or secrets. */
  response: string;
  /** Whether the lead was sent during a pause, to find out whether its cause was corrected. */
  isTrial: boolean;
}

/** Updates the circuit breaker and the pauses after an attempt. Stores a pause before its lead can be claimed again. */
export async function updateState(
  { circuit, pauses }: Pick<DiallerState, 'circuit' | 'pauses'>,
  log: Log,
  { leadType, hasDecided, isWorking, retryAfter, pause, response, isTrial }: Observed,
): Promise<void> {
  // A dialler that pauses a single type responds, and accepts other types.
  if (hasDecided || isWorking || pause?.isOfType) circuit.recordSuccess();
  else circuit.recordFailure(leadType, retryAfter, response);
  if (pause !== undefined) await startPause(pauses, leadType, pause);
  else if (hasDecided && isTrial) await endTrials(pauses, log, leadType);
}

/** Starts a pause that the dialler has ordered, for a lead of a type. */
export async function startPause(
  pauses: PauseTracker,
  leadType: string,
  { reason, isOfType, retryAfter }: DiallerPause,
): Promise<void> {
  pauses.pause({
    type: isOfType ? leadType : undefined,
    reason,
    ...(retryAfter !== undefined && { retryAt: Date.now() + retryAfter }),
  });
  // If that fails, the dispatcher saves the pause before its next claim, and reports the failure.
  await pauses.save().catch(() => {});
}

async function endTrials(pauses: PauseTracker, log: Log, leadType: string): Promise<void> {
  try {
    await pauses.endTrials(leadType);
  } catch (error) {
    log.error({ err: error }, 'The end of a delivery pause was not saved.');
  }
}
