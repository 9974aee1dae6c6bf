import type { StoreObserver } from '../store/observer.ts';
import type { Log } from '../telemetry/log.ts';

/** Minimum skew for a warning (ms). */
const warningThreshold = 1_000;

/** Skew below which the clocks are considered to agree again (ms). */
const agreementThreshold = 500;

/**
 * Returns an observer that also logs when the clocks of this machine and of the store no longer agree, and when they
 * agree again. The two thresholds differ, so that a skew near one of them does not fill the log.
 */
export function watchClock(observer: StoreObserver, log: Log): StoreObserver {
  let isSkewed = false;
  return {
    ...observer,
    clockSkew(milliseconds) {
      observer.clockSkew(milliseconds);
      const size = Math.abs(milliseconds);
      if (!isSkewed && size >= warningThreshold) {
        isSkewed = true;
        log.warn({ clockSkew: milliseconds / 1_000 }, warningOf(milliseconds));
      } else if (isSkewed && size < agreementThreshold) {
        isSkewed = false;
        log.info('The clocks of this machine and of the database agree again.');
      }
    },
  };
}

function warningOf(milliseconds: number): string {
  const seconds = (Math.abs(milliseconds) / 1_000).toFixed(1);
  // A lead is delivered once both clocks have reached its due time, so a server never delivers its own leads too early.
  const [direction, effect] =
    milliseconds > 0
      ? ['ahead of', 'the leads that it accepts are delivered too late']
      : ['behind', 'another server may deliver delayed leads that it accepts too early'];
  return `The clock of this machine is at least ${seconds} s ${direction} the database's, so ${effect}. Leads are delivered only while the calling hours permit it by both clocks. Synchronise the clocks (NTP).`;
}
