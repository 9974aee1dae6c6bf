/** The messages tell a developer what to correct. */
import { expect, test } from 'vitest';
import { post } from '../../harness/client.ts';
import { startServer } from '../../harness/server.ts';

test.each([
  [{ mobile: '' }, { mobile: { 0: 'Mobile cannot be blank.' } }],
  [{ mobile: '07840258823', type: 1 }, { type: { 0: 'Type must be a string.' } }],
  [{ mobile: '07840258823', reason: false }, { reason: { 0: 'Reason must be a string.' } }],
  [
    { mobile: '07840258823', reson: 'x' },
    { reson: { 0: 'Reson is not a field of this request; did you mean `reason`?' } },
  ],
])('rejects %j', async (body, errors) => {
  const server = await startServer();
  const { status, json } = await post(server, 'doNotCall', body);
  expect({ status, json }).toEqual({ status: 400, json: errors });
  expect(await Array.fromAsync(server.store.suppressions({}, 1))).toEqual([]);
});
