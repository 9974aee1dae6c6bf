import type { Waiting } from '../delivery/permission.ts';
import { formatTime } from '../text/time.ts';
import { counted } from './counted.ts';

/** What a lead waits for, and until when. */
export type Wait = Pick<Waiting, 'until' | 'waitsFor'>;

/** Returns what a lead waits for, without the lead. */
export function waitOf({ until, waitsFor }: Waiting): Wait {
  return { until, waitsFor };
}

/** Reports how many leads must wait, and until when. @param what what does not happen to them, such as `Not delivered now` */
export function noteWaiting(what: string, waiting: readonly Wait[], note: (sentence: string) => void): void {
  for (const [waitsFor, group] of Map.groupBy(waiting, (each) => each.waitsFor)) {
    const [first, last] = [earliest(group), latest(group)].map(formatTime);
    const until = first === last ? `until ${first}` : `the first until ${first}, the last until ${last}`;
    note(`${what} (${waitsFor}): ${counted(group.length, 'lead waits', 'leads wait')} ${until}.`);
  }
}

function earliest(group: readonly Wait[]): number {
  return group.reduce((first, { until }) => Math.min(first, until), Number.POSITIVE_INFINITY);
}

function latest(group: readonly Wait[]): number {
  return group.reduce((last, { until }) => Math.max(last, until), 0);
}
