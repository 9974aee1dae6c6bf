/** The server survives whatever clients do to their connections. `npm run fuzz` cuts requests at every byte. */
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from '../harness/server.ts';
import { chaos, disturbances, ends, moments } from './chaos.ts';

test('survives resets, half-closes and stalls of any request without leaking connections or losing responses', async () => {
  const seed = Date.now() % 1_000_000;
  const url = `sqlite:${join(temporaryDirectory(), 'leads.db')}`;
  const { faults, warnings } = await chaos(onTestFinished, url, 2_000, seed);
  expect({ seed, faults, warnings }).toEqual({ seed, faults: [], warnings: [] });
}, 60_000);

test('generates every end at every moment, alone and behind an add', () => {
  const all = disturbances('');
  expect(all.length).toBeGreaterThan(20_000);
  const kinds = new Set(all.map(({ end, moment, isBehindAdd }) => `${end} ${moment} ${isBehindAdd}`));
  expect(kinds.size).toBe(2 * ends.length * moments.length);
});
