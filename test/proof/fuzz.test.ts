/** The server survives any request and responds as in the contract. `npm run fuzz` sends 100,000 requests. */
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from '../harness/server.ts';
import { fuzz } from './fuzzing.ts';

test('responds to 2,000 mostly invalid requests as in the contract, never with a 5xx except 501 and 505', async () => {
  const seed = Date.now() % 1_000_000;
  const url = `sqlite:${join(temporaryDirectory(), 'leads.db')}`;
  const { faults, warnings, kinds } = await fuzz(onTestFinished, url, 2_000, seed);
  // On a busy machine, response times prove nothing.
  const wrong = faults.filter((fault) => !fault.startsWith('The response took'));
  expect({ seed, wrong, warnings }).toEqual({ seed, wrong: [], warnings: [] });
  expect(Object.keys(kinds)).toHaveLength(6);
}, 60_000);
