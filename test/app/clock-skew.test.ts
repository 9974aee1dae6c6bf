/** Due times are set by one clock and compared with another, so operators must know if the two disagree. */
import { expect, test } from 'vitest';
import { watchClock } from '../../src/app/clock-skew.ts';
import { unobserved } from '../../src/store/observer.ts';
import { recordingLog } from '../harness/recording-log.ts';

test('logs when a skew begins and ends, and always passes it on', () => {
  const { log, lines } = recordingLog();
  const seen: number[] = [];
  const observer = watchClock({ ...unobserved, clockSkew: (milliseconds) => seen.push(milliseconds) }, log);
  const measured = [0, 999, 3_000, 4_000, 999, 500, 1_000, 499, 999, -1_000, -2_000, 0];
  for (const milliseconds of measured) observer.clockSkew(milliseconds);
  expect(
    lines.map(({ level, msg, clockSkew }) => [level, /\d\.\d s .+?(?=\.)/.exec(String(msg))?.[0], clockSkew]),
  ).toEqual([
    ['warn', "3.0 s ahead of the database's, so the leads that it accepts are delivered too late", 3],
    ['info', undefined, undefined],
    [
      'warn',
      "1.0 s behind the database's, so another server may deliver delayed leads that it accepts too early",
      -1,
    ],
    ['info', undefined, undefined],
  ]);
  expect(seen).toEqual(measured);
});
