/** An error in the configuration delays leads, and none of them fails. */
import { describe, expect, test } from 'vitest';
import type { Store } from '../../../src/store/store.ts';
import { dispatch, until, untilAll, untilQueried } from '../../harness/dispatch.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { holdRequests } from '../../harness/receiver.ts';
import { recordingLog } from '../../harness/recording-log.ts';
import { leadsIn } from '../../harness/server.ts';
import type { VicidialStandIn } from '../../harness/vicidial.ts';
import { diallerAt, john, startVicidial, withLead } from './start.ts';

/** Adds a type `home` with a due lead, and more leads of the type `motor`. */
async function withLeads() {
  const { store, first, from, content } = await withLead();
  await store.addType('home', null);
  await store.grantType('first', 'home');
  await store.submit(from(first.id, { type: 'home', content: content({ type: 'home' }) }));
  for (let index = 1; index < 6; index += 1) {
    await store.submit(from(first.id, { mobile: mobileOf(index), content: content({}) }));
  }
  return { store, first, from, content };
}

/** Lets the next trial of a pause begin now, as if the time until then had passed. */
async function endWait(store: Store, type: string | undefined): Promise<void> {
  const pause = (await store.pauses()).find((each) => each.type === type);
  if (pause?.retryAt === undefined) throw new Error('There is no such pause that ends by itself.');
  expect(pause.retryAt).toBeGreaterThan(Date.now());
  await store.pauseDelivery({ ...pause, retryAt: Date.now() });
}

const bothLists = {
  DIALLER_LISTS: '{"motor": {"list": 1001, "campaign": "MOTOR"}, "home": {"list": 1002, "campaign": "HOME"}}',
};

describe.each<[what: string, reason: string, spoil: (vicidial: VicidialStandIn) => () => void]>([
  [
    'an unknown list',
    'add_lead NOT A DEFINED LIST ID, LIST EXISTS CHECK ENABLED (list 1001): ',
    ({ lists }) => {
      const list = lists.get('1001');
      lists.delete('1001');
      return () => list && lists.set('1001', list);
    },
  ],
  [
    'a list that the user may not use',
    'add_lead NOT AN ALLOWED LIST ID (list 1001): ',
    ({ forbiddenLists }) => {
      forbiddenLists.add('1001');
      return () => forbiddenLists.delete('1001');
    },
  ],
])('%s', (_what, reason, spoil) => {
  test('pauses its type with one reason, uses up no attempt, and delivery resumes by itself', async () => {
    const { vicidial, dialler } = await startVicidial(bothLists);
    const repair = spoil(vicidial);
    const { store } = await withLeads();
    const { log, lines } = recordingLog();
    const dispatcher = dispatch(store, dialler, { log, retrySchedule: [] });
    await until(async () =>
      expect((await leadsIn(store)).filter(({ state }) => state === 'dialled')).toMatchObject([
        { type: 'home' },
      ]),
    );
    expect(await store.pauses()).toMatchObject([
      { type: 'motor', by: 'dialler', reason: expect.stringContaining(reason) },
    ]);
    await until(() => expect(dispatcher.status().reason).toContain(reason));
    for (let trial = 0; trial < 3; trial += 1) {
      const before = vicidial.forms.length;
      await endWait(store, 'motor');
      await until(() => expect(vicidial.forms.length).toBeGreaterThan(before));
      await until(async () => expect((await store.pauses())[0]?.retryAt).toBeGreaterThan(Date.now()));
      await untilQueried(store, 'pauses', 2);
    }
    // Leads are released after their pause is saved.
    await until(async () => {
      const waiting = await Array.fromAsync(store.leads({ type: 'motor' }, 10));
      expect(waiting).toHaveLength(6);
      for (const lead of waiting)
        expect(lead).toMatchObject({ state: 'scheduled', attempts: 0, lastResponse: null });
    });
    repair();
    await endWait(store, 'motor');
    await untilAll(store, 'dialled');
    expect(vicidial.leads).toHaveLength(7);
    await until(async () => expect(await store.pauses()).toEqual([]));
    await until(() => expect(dispatcher.status()).toEqual({ dialler: 'vicidial', state: 'running' }));
    const logged = lines
      .filter(({ msg }) => /paused/.test(String(msg)))
      .map(({ level, msg }) => [level, msg]);
    expect(logged).toEqual([
      ['fatal', expect.stringMatching(/ Fix the cause; delivery then resumes by itself\.$/)],
      ['info', 'Delivery of lead type "motor" is no longer paused by the dialler.'],
    ]);
  });
});

test('a type without a list pauses, and is delivered after a restart with a list', async () => {
  const { vicidial, receiver, dialler } = await startVicidial({ DIALLER_LISTS: '{"motor": 1001}' });
  const { store } = await withLeads();
  const dispatcher = dispatch(store, dialler);
  await until(async () => expect(vicidial.leads).toHaveLength(6));
  await until(async () => expect(await store.pauses()).toHaveLength(1));
  expect(await store.pauses()).toMatchObject([
    { type: 'home', by: 'dialler', reason: 'DIALLER_LISTS has no list for lead type "home": add it' },
  ]);
  await dispatcher.stop();
  expect(vicidial.forms).toHaveLength(6);
  dispatch(store, diallerAt(receiver.url, bothLists));
  await endWait(store, 'home');
  await untilAll(store, 'dialled');
  await until(async () => expect(await store.pauses()).toEqual([]));
});

test('a missing permission pauses all types, uses up no attempt, and delivery resumes by itself', async () => {
  const { vicidial, dialler } = await startVicidial(bothLists);
  vicidial.forbiddenFunctions.add('add_lead');
  const { store } = await withLeads();
  const dispatcher = dispatch(store, dialler, { retrySchedule: [] });
  await until(() => expect(dispatcher.status().state).toBe('paused'));
  expect(await store.pauses()).toMatchObject([
    { type: undefined, reason: expect.stringMatching(/PERMISSION/) },
  ]);
  await until(async () => {
    for (const lead of await leadsIn(store)) expect(lead).toMatchObject({ state: 'scheduled', attempts: 0 });
  });
  vicidial.forbiddenFunctions.clear();
  await endWait(store, undefined);
  await untilAll(store, 'dialled');
  await until(() => expect(dispatcher.status().state).toBe('running'));
});

test('a look-up without permission pauses the type, and adds nothing', async () => {
  const { vicidial, dialler } = await startVicidial({ DIALLER_MAX_RUNTIME: '1' });
  vicidial.forbiddenFunctions.add('lead_search');
  const { store } = await withLead();
  vicidial.killOnceAt('response');
  dispatch(store, dialler);
  await until(async () => expect(await store.pauses()).toHaveLength(1));
  expect(await store.pauses()).toMatchObject([
    { type: 'motor', reason: expect.stringMatching(/PERMISSION.*\(lead_search\)$/) },
  ]);
  vicidial.forbiddenFunctions.clear();
  await endWait(store, 'motor');
  await untilAll(store, 'dialled');
  expect(vicidial.leads).toHaveLength(1);
});

test('a locked user is tried again after 15 minutes, without a restart', async () => {
  const { vicidial, dialler } = await startVicidial();
  vicidial.failedLogins = 10;
  const { store } = await withLead();
  const dispatcher = dispatch(store, dialler);
  await until(() => expect(dispatcher.status().state).toBe('paused'));
  const [{ retryAt = 0 } = {}] = await store.pauses();
  expect(retryAt - Date.now()).toBeGreaterThan(14 * 60_000);
  expect(retryAt - Date.now()).toBeLessThanOrEqual(15 * 60_000);
  await until(async () => expect(await leadsIn(store)).toMatchObject([{ state: 'scheduled', attempts: 0 }]));
  vicidial.lockDuration = 0;
  await endWait(store, undefined);
  await untilAll(store, 'dialled');
  await until(() => expect(dispatcher.status().state).toBe('running'));
});

test('a wrong password pauses all servers until an operator resumes, and is not stored', async () => {
  const { vicidial, dialler } = await startVicidial({ DIALLER_PASSWORD: 'wrong secret' });
  const { store } = await withLeads();
  const dispatcher = dispatch(store, dialler, { concurrency: 50 });
  await until(() => expect(dispatcher.status().state).toBe('paused'));
  await dispatcher.stop();
  expect(vicidial.failedLogins).toBe(1);
  const pauses = await store.pauses();
  expect(pauses).toMatchObject([
    {
      type: undefined,
      by: 'dialler',
      reason: expect.stringMatching(/^Login incorrect, please try again: check/),
    },
  ]);
  expect(pauses[0]).not.toHaveProperty('retryAt');
  const leads = await leadsIn(store);
  expect(new Set(leads.map(({ state }) => state))).toEqual(new Set(['scheduled']));
  const stored = [leads, pauses, await Array.fromAsync(store.attempts('+447840258823'))];
  expect(JSON.stringify(stored)).not.toContain('wrong secret');
});

test('a password change while three servers deliver does not lock the user', async () => {
  const { vicidial, receiver, dialler } = await startVicidial();
  const { hold, count, release } = holdRequests(vicidial.behave);
  receiver.behave = (...of) => (vicidial.leads.length < 20 ? vicidial.behave : hold)(...of);
  const { store, first, from } = await withLead();
  for (let index = 1; index < 80; index += 1) {
    await store.submit(from(first.id, { mobile: mobileOf(index), content: JSON.stringify(john) }));
  }
  const diallers = [dialler, diallerAt(receiver.url), diallerAt(receiver.url)];
  const dispatchers = diallers.map((each) => dispatch(store, each, { concurrency: 50 }));
  // As many leads as the servers send at once. The tenth failed login would lock the user.
  await until(() => expect(count()).toBe(9));
  vicidial.password = 'changed';
  release();
  for (const dispatcher of dispatchers) await until(() => expect(dispatcher.status().state).toBe('paused'));
  for (const dispatcher of dispatchers) await dispatcher.stop();
  expect(vicidial.failedLogins).toBe(9);
});
