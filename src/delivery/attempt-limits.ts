/** Limits that deliveries and withdrawals share. */

/** Maximum sleep (ms), because the clock may change or another process may change the store meanwhile. */
export const maxSleep = 500;

/** Delay after the store has failed (ms). */
export const storeRetryInterval = 1_000;

/** Time by which a lease outlasts an attempt, so that its result can be recorded (ms). */
export const leaseMargin = 5_000;

/** Default time after which `stop` aborts the attempts in flight (ms); the process has ten seconds to stop. */
export const defaultDrainTimeout = 7_000;

/** Maximum length of a response that is stored and logged (characters). */
export const maxResponseLength = 1_000;
