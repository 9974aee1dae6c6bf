/** The sandbox shows what the stateless mock cannot: duplicates, cancellations and deliveries. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { post, send } from './harness/client.ts';
import { requestValue, responseValue } from './harness/contract.ts';
import { finished, start, untilOutput } from './harness/process.ts';
import { startSandbox } from './harness/sandbox.ts';
import { temporaryDirectory } from './harness/server.ts';

test('schedules a delayed lead, rejects it a second time, and cancels it', async () => {
  const { target } = await startSandbox();
  const lead = requestValue('addLead', 'delayed');
  expect((await post(target, 'addLead', lead)).json).toEqual(responseValue('addLead', 200, 'delayed'));
  expect((await post(target, 'addLead', lead)).json).toEqual(
    responseValue('addLead', 200, 'already-scheduled'),
  );
  const wanted = requestValue('cancelLead', 'cancelled');
  expect((await post(target, 'cancelLead', wanted)).json).toEqual(
    responseValue('cancelLead', 200, 'cancelled'),
  );
});

test('logs a delivery without personal data instead of calling', async () => {
  const { child, target } = await startSandbox();
  const dialled = untilOutput(child, /lead was delivered/);
  await send(target, 'addLead');
  const line = await dialled;
  for (const value of Object.values(requestValue('addLead', 'accepted')).slice(0, 4))
    expect(line).not.toContain(value);
  // The line is written before the attempt is recorded.
  await expect
    .poll(async () => (await send(target, 'addLead')).json)
    .toEqual(responseValue('addLead', 200, 'existing-contact'));
  const wanted = requestValue('cancelLead', 'already-processed');
  expect((await post(target, 'cancelLead', wanted)).json).toEqual(
    responseValue('cancelLead', 200, 'already-processed'),
  );
});

test('simulates the call of a test number at the chosen speed', async () => {
  const { child, target } = await startSandbox(undefined, ['--speed', '100']);
  expect(target.key).toMatch(/^leads_test_/);
  const ended = untilOutput(child, /A call ended/);
  await post(target, 'addLead', { ...requestValue('addLead', 'accepted'), mobile: '07700 900006' });
  expect(await ended).toContain('converted');
});

test('rejects a speed that is no number', async () => {
  const { code, stderr } = await finished(start('src/sandbox.ts', ['--speed', 'fast'], {}));
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('--speed must be a number') });
});

test('does not use the settings of a server in .env, whose ports are in use', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const directory = temporaryDirectory();
  writeFileSync(join(directory, '.env'), `METRICS_PORT=${port}\nDEFAULT_COUNTRY=DE\nDIALLER=vicidial\n`);
  const { target } = await startSandbox(directory);
  expect((await send(target, 'addLead')).json).toEqual(responseValue('addLead', 200, 'accepted'));
});

test('stops on SIGTERM and loses all data', async () => {
  const first = await startSandbox();
  await send(first.target, 'addLead');
  first.child.kill('SIGTERM');
  expect((await finished(first.child)).code).toBe(0);
  const second = await startSandbox();
  expect(second.target.key).not.toBe(first.target.key);
  expect((await send(second.target, 'addLead')).json).toEqual(responseValue('addLead', 200, 'accepted'));
});
