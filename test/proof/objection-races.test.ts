/** Nobody is delivered after an acknowledged objection or a reported erasure. `npm run torture` runs it with more people. */
import { expect, onTestFinished, test } from 'vitest';
import { sharedStores } from '../store/stores.ts';
import { objectionRaces } from './objection-races.ts';

const people = 300;

test.each(sharedStores)(
  `two servers on $name deliver none of ${people} people after their objection or erasure`,
  async ({ newUrl }) => {
    const report = await objectionRaces(onTestFinished, await newUrl(), people);
    expect(report).toMatchObject({
      objections: 200,
      erasures: 100,
      calledAfterObjection: [],
      calledAfterErasure: [],
      notWithdrawn: [],
      notErased: [],
      wrongResponses: [],
    });
    // Otherwise nothing raced: everybody objected before the lead was delivered.
    expect(report.delivered).toBeGreaterThan(50);
    expect(report.withdrawn).toBeGreaterThan(10);
  },
  120_000,
);
