/**
 * A server that responds `"saved": true` has saved the lead, even if it is killed. `npm run torture` runs 200 rounds.
 */
import { expect, onTestFinished, test } from 'vitest';
import { sharedStores } from '../store/stores.ts';
import { crashRounds } from './crash.ts';

const rounds = 5;

test.each(sharedStores)(
  `loses, duplicates and overrides nothing on $name in ${rounds} rounds of kill -9`,
  async ({ newUrl }) => {
    const report = await crashRounds(onTestFinished, await newUrl(), rounds);
    expect(report).toMatchObject({
      rounds,
      lost: [],
      duplicated: [],
      calledAfterCancellation: [],
      wrongResponses: [],
    });
    expect(report.acknowledged).toBeGreaterThan(rounds);
    expect(report.resent).toBeGreaterThan(0);
    expect(report.cancelled).toBeGreaterThan(rounds);
    expect(report.printed).toBeGreaterThan(0);
  },
  120_000,
);
