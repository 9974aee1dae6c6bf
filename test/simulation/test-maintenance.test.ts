/** Test data are removed by the server, so that tests can be repeated and nothing is kept. */
import { expect, onTestFinished, test } from 'vitest';
import { phoneParsers } from '../../src/leads/phone.ts';
import { withTestNumbers } from '../../src/leads/test-numbers.ts';
import { startSimulation } from '../../src/simulation/simulation.ts';
import { repeatAfter, testRetention } from '../../src/simulation/simulation-times.ts';
import { TestMaintenance } from '../../src/simulation/test-maintenance.ts';
import type { Store } from '../../src/store/store.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { until } from '../harness/dispatch.ts';
import { leadsIn, submissionsIn } from '../harness/server.ts';
import { openStore, seeded, stores } from '../store/stores.ts';

const log = await createLog('silent');
const { parse: parsePhone } = withTestNumbers(phoneParsers('GB'));

async function simulate(store: Store, resultAfter = 1) {
  const times = { resultAfter, retryAfter: 1 };
  const simulation = await startSimulation({ store, parsePhone, log, times });
  onTestFinished(() => simulation.stop());
  return simulation;
}

for (const kind of stores.filter(({ name }) => name !== 'SQLite in memory')) {
  test(`removes everything after 30 days: ${kind.name}`, async () => {
    const { store, first, from } = await seeded(kind.open(), 1);
    const simulation = await simulate(store);
    const add = (ending: string, changes = {}) =>
      simulation.store.submit(from(first.id, { mobile: `+447700900${ending}`, ...changes }));
    // Delivered, failed, scheduled, expired, and refused because of a lead that nobody delivers.
    for (const ending of ['100', '130', '132', '133', '111']) await add(ending);
    await add('150', { delays: 86_400 });
    await until(async () => {
      const states = (await leadsIn(store)).map(({ state }) => state);
      expect(states.toSorted()).toEqual([
        'dialled',
        'expired',
        'failed',
        'scheduled',
        'scheduled',
        'scheduled',
      ]);
    });
    await simulation.stop();
    const maintenance = new TestMaintenance(store, parsePhone, log);
    await maintenance.stop();
    await maintenance.prune();
    expect(await submissionsIn(store)).toHaveLength(7);
    await maintenance.prune(Date.now() + testRetention + 1);
    expect(await submissionsIn(store)).toEqual([]);
    expect(await leadsIn(store)).toEqual([]);
    const person = { mobile: '+447700900100', otherSubmissions: [] };
    expect((await store.personalRows(person, [])).filter(({ rows }) => rows.length > 0)).toEqual([]);
    expect(await store.hasDigests()).toBe(false);
  });
}

test('accepts a person who objected again after a minute, but no number that always objects', async () => {
  const { store, first, from } = await seeded(openStore(), repeatAfter);
  const { store: simulated } = await simulate(store);
  const objection = { partner: 'first', keyId: 'key', type: undefined, reason: undefined };
  const received = { mobile: '+447700900250', receivedAt: Date.now() };
  await simulated.recordObjection({ ...objection, ...received }, { max: 10, since: 0 });
  const outcomeOf = async (mobile: string) => (await simulated.submit(from(first.id, { mobile }))).outcome;
  const maintenance = new TestMaintenance(store, parsePhone, log);
  await maintenance.removeObjections();
  expect(await outcomeOf('+447700900250')).toBe('do-not-call');
  await maintenance.removeObjections(Date.now() + repeatAfter + 1);
  expect(await outcomeOf('+447700900250')).toBe('accepted');
  expect(await outcomeOf('+447700900212')).toBe('do-not-call');
  await maintenance.stop();
});

test('reports the results of calls that were in progress when the server stopped', async () => {
  const { store, first, from } = await seeded(openStore(), repeatAfter);
  const earlier = await simulate(store, 3_600_000);
  await earlier.store.submit(from(first.id, { mobile: '+447700900106' }));
  const leadOf = async () => (await leadsIn(store))[0];
  await until(async () => expect(await leadOf()).toMatchObject({ state: 'dialled', result: null }));
  await earlier.stop();
  await simulate(store);
  await until(async () => expect(await leadOf()).toMatchObject({ result: 'converted' }));
});
