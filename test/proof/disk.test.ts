/** With a full or unwritable disk every response is true, and the server recovers without a restart. */
import { expect, onTestFinished, test } from 'vitest';
import { post, type Target } from '../harness/client.ts';
import { requestValue, responseValue } from '../harness/contract.ts';
import { untilOutput } from '../harness/process.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { allowWrites, fill, isStored, missingFor, startOnDisk, startOnSmallDisk } from './disk.ts';

const person = requestValue('addLead', 'accepted');

async function readiness({ url }: Target): Promise<number> {
  return (await fetch(`${url}/readyz`)).status;
}

test('responds with 500 to adds on a full disk, saves nothing, is not ready, and recovers once there is space', async (context) => {
  // The small disk needs a mount namespace, which a container may refuse. The reason is printed.
  const reason = missingFor('full');
  if (reason !== undefined) context.skip(reason);
  const { target, makeRoom } = await startOnSmallDisk(onTestFinished, temporaryDirectory());
  const { saved, refused } = await fill(target);
  expect(saved.length).toBeGreaterThan(3);
  expect(await isStored(target, refused)).toBe(false);
  expect((await fetch(`${target.url}/healthz`)).status).toBe(200);
  await expect.poll(() => readiness(target)).toBe(503);
  makeRoom();
  expect((await post(target, 'addLead', { ...person, mobile: refused })).status).toBe(200);
  for (const mobile of [...saved, refused]) expect(await isStored(target, mobile), mobile).toBe(true);
  await expect.poll(() => readiness(target)).toBe(200);
});

test('responds with 500 to adds and cancellations while the store cannot be written, is not ready, and still serves statuses', async (context) => {
  // Only Linux can change the limits of another process. The reason is printed.
  const missing = missingFor('unwritable');
  if (missing !== undefined) context.skip(missing);
  const { child, target } = await startOnDisk(onTestFinished, temporaryDirectory());
  const named = { mobile: person['mobile'], type: person['type'] };
  const other = { ...person, mobile: '07840258824' };
  expect((await post(target, 'addLead', { ...person, delays: 600 })).status).toBe(200);
  const reason = untilOutput(child, /The server is not ready: the store failed its check/);
  allowWrites(child, false);
  for (let round = 0; round < 3; round += 1) {
    expect((await post(target, 'addLead', other)).status).toBe(500);
    expect((await post(target, 'cancelLead', named)).status).toBe(500);
    expect(await isStored(target, other.mobile)).toBe(false);
    expect(await isStored(target, String(person['mobile']))).toBe(true);
  }
  await expect.poll(() => readiness(target)).toBe(503);
  expect(await reason).toMatch(/The disk (failed to read or write|that holds) \S+leads\.db/);
  allowWrites(child, true);
  await expect.poll(() => readiness(target)).toBe(200);
  expect((await post(target, 'addLead', other)).json).toEqual(responseValue('addLead', 200, 'accepted'));
  expect((await post(target, 'cancelLead', named)).json).toEqual(
    responseValue('cancelLead', 200, 'cancelled'),
  );
});
