/** `"saved": true` is a promise that outlives the process that gave it. `npm run torture` makes 200 rounds of it. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { emptyDatabase } from '../harness/postgres.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { crashRounds } from './crash.ts';

const rounds = 10;

test.each([
  ['SQLite', async () => `sqlite:${join(temporaryDirectory(), 'leads.db')}`],
  ['PostgreSQL', emptyDatabase],
])(
  `on %s nothing is lost, nobody accepted or delivered twice, and no cancellation overridden, in ${rounds} rounds of kill -9`,
  async (_store, make) => {
    const report = await crashRounds(await make(), rounds);
    expect(report).toMatchObject({
      rounds,
      lost: [],
      takenTwice: [],
      calledAfterCancellation: [],
      wronglyAnswered: [],
    });
    expect(report.acknowledged).toBeGreaterThan(rounds);
    expect(report.sentAgain).toBeGreaterThan(0);
    expect(report.cancelled).toBeGreaterThan(rounds);
    expect(report.printed).toBeGreaterThan(0);
  },
  120_000,
);
