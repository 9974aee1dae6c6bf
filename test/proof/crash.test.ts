/** A server that responds `"saved": true` has saved the lead, even if it is killed. `npm run torture` runs 200 rounds. */
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
  `loses, duplicates and overrides nothing on %s in ${rounds} rounds of kill -9`,
  async (_store, make) => {
    const report = await crashRounds(await make(), rounds);
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
