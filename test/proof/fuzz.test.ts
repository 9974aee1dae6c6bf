/** No stranger brings the server down, nor to words that are not in the contract. `npm run fuzz` sends 100,000. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../harness/server.ts';
import { fuzz } from './fuzzing.ts';

test('2,000 requests, most of them wrong, get answers of the contract, none of them a 5xx', async () => {
  const seed = Date.now() % 1_000_000;
  const url = `sqlite:${join(temporaryDirectory(), 'leads.db')}`;
  const { faults, complaints, kinds } = await fuzz(url, 2_000, seed);
  // A machine where other things run may take its time; that an answer comes is what counts here.
  const wrong = faults.filter((fault) => !fault.startsWith('The answer took'));
  expect({ seed, wrong, complaints }).toEqual({ seed, wrong: [], complaints: [] });
  expect(Object.keys(kinds)).toHaveLength(6);
}, 60_000);
