/** The number of objections that each key can record is limited. */
import { expect, test } from 'vitest';
import { post } from '../../harness/client.ts';
import { responseValue } from '../../harness/contract.ts';
import { addPartner, startServer } from '../../harness/server.ts';

const mobiles = ['07840258823', '07840258824', '07840258825'];

test('refuses the objections of a partner beyond its limit of the day, and none of another partner', async () => {
  const server = await startServer({ objectionsPerDay: 2 });
  const other = await addPartner(server, 'other');
  const responses = [];
  for (const mobile of [...mobiles, ...mobiles]) responses.push(await post(server, 'doNotCall', { mobile }));
  expect(responses.map(({ status }) => status)).toEqual([200, 200, 429, 200, 200, 429]);
  const refused = responses[2];
  expect(refused?.json).toEqual(responseValue('doNotCall', 429, 'too-many-objections'));
  const untilMidnight = Math.ceil((86_400_000 - (Date.now() % 86_400_000)) / 1_000);
  expect(Math.abs(Number(refused?.headers['retry-after']) - untilMidnight)).toBeLessThan(60);
  expect((await post(other, 'doNotCall', { mobile: mobiles[2] })).status).toBe(200);
  expect(await server.store.countSuppressions()).toEqual(
    [
      { source: 'partner', sourceId: server.partner, count: 2 },
      { source: 'partner', sourceId: 'other', count: 1 },
    ].toSorted((one, next) => (one.sourceId < next.sourceId ? -1 : 1)),
  );
});
