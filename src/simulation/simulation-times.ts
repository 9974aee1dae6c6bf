/** How fast what happens to test leads follows their delivery (ms). */
export interface SimulationTimes {
  /** Time from the delivery of a lead to the result of its call. */
  resultAfter: number;
  /** Time until a lead is sent again after the dialler was unavailable. */
  retryAfter: number;
}

/** The times of a server. */
const defaultTimes: SimulationTimes = { resultAfter: 3_000, retryAfter: 2_000 };

/** Returns the times at a multiple of the usual speed. */
export function simulationTimes(speed = 1): SimulationTimes {
  const { resultAfter, retryAfter } = defaultTimes;
  return { resultAfter: resultAfter / speed, retryAfter: retryAfter / speed };
}

/**
 * Time after which the person of a test lead that was delivered, or who objected, is accepted again (ms), so that tests
 * can be repeated. Within it, tests can check that the person is refused.
 */
export const repeatAfter = 60_000;

/** Time for which test data are kept (ms). */
export const testRetention = 30 * 86_400_000;
