/** Partners without a server of their own follow their leads with this operation, so nothing may be missing or foreign. */
import { expect, test } from 'vitest';
import { post } from '../../harness/client.ts';
import { type Scenario, testEveryExample } from '../../harness/examples.ts';
import { addLeadWithResult } from '../../harness/lead-with-result.ts';
import { addPartner, startServer } from '../../harness/server.ts';

const scenarios: Record<string, Scenario> = {
  events: { arrange: addLeadWithResult },
  'more-events': { arrange: addLeadWithResult },
  'no-events': {
    arrange: addLeadWithResult,
    async send(server) {
      const { json } = await post(server, 'leadEvents', {});
      return post(server, 'leadEvents', { after: Object(json).next, limit: 100 });
    },
  },
};

testEveryExample('leadEvents', 200, scenarios);

test('returns no events of another partner’s leads, with the name of the type as it is now', async () => {
  const server = await startServer();
  const other = await addPartner(server, 'other');
  await addLeadWithResult(server);
  await server.store.renameType(server.type, 'renamed');
  const own = Object((await post(server, 'leadEvents', {})).json).events;
  expect(own.map(({ data }: { data: { type: string } }) => data.type)).toEqual(['renamed', 'renamed']);
  expect((await post(other, 'leadEvents', {})).json).toMatchObject({ events: [], more: false });
});

test('treats a blank cursor and limit as missing', async () => {
  const server = await startServer();
  await addLeadWithResult(server);
  const { json } = await post(server, 'leadEvents', { after: ' ', limit: null });
  expect(Object(json).events).toHaveLength(2);
});

test('reads a string of digits as the limit', async () => {
  const server = await startServer();
  await addLeadWithResult(server);
  const { json } = await post(server, 'leadEvents', { limit: '1' });
  expect(json).toMatchObject({ events: [{ type: 'lead.dialled' }], more: true });
});
