/** Nobody is called twice, or not at all, because a response of VICIdial was lost. */
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../../src/store/store.ts';
import { dispatch, until, untilAll, untilQueried } from '../../harness/dispatch.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { start } from '../../harness/process.ts';
import { startReceiver } from '../../harness/receiver.ts';
import { recordingLog } from '../../harness/recording-log.ts';
import { leadsIn, temporaryDirectory } from '../../harness/server.ts';
import { type Step, VicidialStandIn } from '../../harness/vicidial.ts';
import { openStore } from '../../store/stores.ts';
import { diallerAt, john, johnsMobile, settings, startVicidial, withLead } from './start.ts';

/** Maximum time of an attempt (ms). */
const timeout = 250;

/** DIALLER_MAX_RUNTIME (ms). Requests that a test delays take longer than the timeout, and less than this. */
const maxRuntime = 1_500;

const data = JSON.stringify({ vehicle_make: 'Ford' });

/** Starts a stand-in and a dialler for a lead with a custom field. */
async function startWithLead(submitted: object = { data }) {
  const started = await startVicidial({ DIALLER_MAX_RUNTIME: String(maxRuntime) });
  return { ...started, ...(await withLead(submitted)) };
}

/** Expects VICIdial to have each lead of the store once, with its custom field, and its place in the hopper. */
async function expectEachOnce(vicidial: VicidialStandIn, store: Store): Promise<void> {
  const leads = await leadsIn(store);
  const codes = vicidial.leads.map(({ columns }) => columns['vendor_lead_code']);
  expect(codes.toSorted()).toEqual(leads.map(({ id }) => id).toSorted());
  for (const { custom } of vicidial.leads) expect(custom).toMatchObject({ vehicle_make: 'Ford' });
  const inHopper = vicidial.hopper.map(({ leadId }) => leadId).toSorted((one, other) => one - other);
  expect(inHopper).toEqual(vicidial.leads.map(({ id }) => id));
}

/** Waits until the store has recorded so many attempts of John's lead, and returns all. */
async function attemptsOf(store: Store, count: number) {
  await until(async () =>
    expect((await Array.fromAsync(store.attempts(johnsMobile))).length).toBeGreaterThanOrEqual(count),
  );
  return Array.fromAsync(store.attempts(johnsMobile));
}

/** The database of VICIdial fails once, at a step. */
function failOnceAt(vicidial: VicidialStandIn, failing: Step): void {
  let hasFailed = false;
  vicidial.onStep = (step) => {
    if (hasFailed || step !== failing) return;
    hasFailed = true;
    throw new Error('deadlock');
  };
}

/** Expects that VICIdial gets one request. On a busy machine, it reads the request after the attempt has timed out. */
async function untilOneRequest(vicidial: VicidialStandIn): Promise<void> {
  await vi.waitUntil(() => vicidial.forms.length > 0, { timeout: 20_000 });
  expect(vicidial.forms).toHaveLength(1);
}

test('while the table is locked for longer than the timeout, no second request is sent', async () => {
  // On a busy machine, the runtime of the first request could otherwise end before the test looks.
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const { vicidial, dialler, store } = await startWithLead();
  const unlock = vicidial.lock();
  dispatch(store, dialler, { timeout: 1_000 });
  expect(await attemptsOf(store, 1)).toMatchObject([{ outcome: 'unknown', response: 'no response in time' }]);
  await untilQueried(store, 'nextAttemptAt', 2);
  await untilOneRequest(vicidial);
  unlock();
  vi.setSystemTime(Date.now() + maxRuntime);
  await untilAll(store, 'dialled');
  await expectEachOnce(vicidial, store);
  // A look-up that took too long is repeated.
  const last = (await attemptsOf(store, 2)).at(-1);
  expect(last?.response).toContain('lead 1 of list 1001');
  expect(last?.response).toContain('added by an earlier attempt');
  expect(vicidial.forms.filter((form) => form['function'] === 'add_lead')).toHaveLength(1);
});

describe('a process that is killed', () => {
  test.each<[Step, added: number]>([
    ['check', 2],
    ['row', 2],
    ['custom', 1],
    ['hopper', 1],
    ['response', 1],
  ])('before the step "%s" leaves a lead that is added or completed', async (killed, added) => {
    const { vicidial, dialler, store } = await startWithLead();
    vicidial.killOnceAt(killed);
    dispatch(store, dialler, { timeout });
    await untilAll(store, 'dialled');
    await expectEachOnce(vicidial, store);
    expect(vicidial.forms.filter((form) => form['function'] === 'add_lead')).toHaveLength(added);
  });

  test.each<Step>(['custom', 'hopper'])(
    'before the step "%s" after its first lines were sent leaves a lead that is completed',
    async (killed) => {
      const { vicidial, dialler, store } = await startWithLead();
      vicidial.isUnbuffered = true;
      vicidial.killOnceAt(killed);
      dispatch(store, dialler, { timeout });
      await untilAll(store, 'dialled');
      await expectEachOnce(vicidial, store);
      const [first] = await attemptsOf(store, 2);
      expect(first).toMatchObject({
        outcome: 'unknown',
        response: expect.stringMatching(/^lead 1 of list 1001 was added, but the response ended before its /),
      });
    },
  );

  test.each([true, false])(
    'at random moments (output is sent at once: %s), with two dispatchers, leaves each lead once',
    async (isUnbuffered) => {
      const changes = { DIALLER_MAX_RUNTIME: '300' };
      const { vicidial, receiver, dialler } = await startVicidial(changes);
      const { store, first, from, content } = await withLead({ data });
      for (let index = 1; index < 12; index += 1) {
        await store.submit(from(first.id, { mobile: mobileOf(index), content: content({ data }) }));
      }
      vicidial.isUnbuffered = isUnbuffered;
      let kills = 25;
      vicidial.onStep = () => {
        if (kills === 0 || Math.random() > 0.3) return;
        kills -= 1;
        throw vicidial.kill();
      };
      const retrySchedule = Array<number>(30).fill(1);
      dispatch(store, dialler, { timeout, retrySchedule });
      dispatch(store, diallerAt(receiver.url, changes), { timeout, retrySchedule });
      await untilAll(store, 'dialled');
      await expectEachOnce(vicidial, store);
    },
  );
});

test('a database error (status 500) whose response has no body leaves a lead that is completed', async () => {
  const { vicidial, dialler, store } = await startWithLead();
  vicidial.hidesOutputOfErrors = true;
  failOnceAt(vicidial, 'custom');
  dispatch(store, dialler, { timeout });
  await untilAll(store, 'dialled');
  expect(await attemptsOf(store, 2)).toMatchObject([{ response: 'HTTP 500' }, { outcome: 'delivered' }]);
  await expectEachOnce(vicidial, store);
});

test('a database error after the lead was added is followed by an update at once, because the script has ended', async () => {
  const { vicidial, dialler, store } = await startWithLead();
  failOnceAt(vicidial, 'custom');
  dispatch(store, dialler);
  await untilAll(store, 'dialled');
  expect(await attemptsOf(store, 1)).toMatchObject([
    {
      outcome: 'delivered',
      response: 'lead 1 of list 1001; update_lead CUSTOM FIELDS VALUES UPDATED; update_lead ADDED TO HOPPER',
    },
  ]);
  await expectEachOnce(vicidial, store);
});

test.each(['fails', 'notice'] as const)(
  'a version whose add_lead adds no custom fields (%s) gets them by an update',
  async (addsCustomFields) => {
    const { vicidial, dialler, store } = await startWithLead();
    vicidial.addsCustomFields = addsCustomFields;
    dispatch(store, dialler);
    const [lead] = await untilAll(store, 'dialled');
    expect(await attemptsOf(store, 1)).toHaveLength(1);
    expect(lead?.lastResponse).toContain('update_lead CUSTOM FIELDS VALUES UPDATED');
    expect(lead?.lastResponse).not.toContain('NOT ADDED');
    await expectEachOnce(vicidial, store);
  },
);

test.each<Step>(['check', 'custom', 'response'])(
  'a hook before the step "%s" that is slower than the timeout does not add the lead twice',
  async (slow) => {
    const { vicidial, dialler, store } = await startWithLead();
    const recorded = Promise.withResolvers<void>();
    let isFirst = true;
    vicidial.onStep = async (step) => {
      if (!isFirst || step !== slow) return;
      isFirst = false;
      await recorded.promise;
    };
    dispatch(store, dialler, { timeout });
    await attemptsOf(store, 1);
    recorded.resolve();
    await untilAll(store, 'dialled');
    await expectEachOnce(vicidial, store);
  },
);

test('a lead whose only custom field does not exist is completed, although VICIdial confirms nothing about it', async () => {
  const { vicidial, dialler, store } = await startWithLead({ data: '{"colour": "red"}' });
  vicidial.killOnceAt('custom');
  dispatch(store, dialler, { timeout });
  await untilAll(store, 'dialled');
  expect(vicidial.leads).toMatchObject([{ columns: { comments: 'colour: red' } }]);
  expect(vicidial.hopper).toHaveLength(1);
});

test('a lead that was called meanwhile is not put into the hopper again', async () => {
  const { vicidial, dialler, store } = await startWithLead();
  vicidial.killOnceAt('response');
  dispatch(store, dialler, { timeout });
  await attemptsOf(store, 1);
  expect(vicidial.dial()).toEqual(['447840258823']);
  await untilAll(store, 'dialled');
  expect(vicidial.hopper).toEqual([]);
  expect(vicidial.leads).toMatchObject([{ calledCount: 1, status: 'INCALL' }]);
});

test('a lead that an operator retries waits until its first request can no longer be running', async () => {
  const { vicidial, dialler, store } = await startWithLead();
  const unlock = vicidial.lock();
  dispatch(store, dialler, { timeout, retrySchedule: [] });
  const [lead] = await untilAll(store, 'failed');
  expect(lead).toMatchObject({ isUndecided: true });
  await store.retryLead(lead?.id ?? '');
  await untilQueried(store, 'nextAttemptAt', 2);
  await untilOneRequest(vicidial);
  await until(async () => expect(await leadsIn(store)).toMatchObject([{ state: 'scheduled', attempts: 0 }]));
  unlock();
  await untilAll(store, 'dialled');
  await expectEachOnce(vicidial, store);
});

test('a restarted dispatcher waits too', async () => {
  const { vicidial, receiver, dialler, store } = await startWithLead();
  const unlock = vicidial.lock();
  const dispatcher = dispatch(store, dialler, { drainTimeout: 10 });
  await until(() => expect(vicidial.running).toBe(1));
  await dispatcher.stop();
  expect(await attemptsOf(store, 1)).toMatchObject([{ response: 'no response before the server stopped' }]);
  dispatch(store, diallerAt(receiver.url, { DIALLER_MAX_RUNTIME: String(maxRuntime) }), { timeout });
  await untilQueried(store, 'nextAttemptAt', 2);
  expect(vicidial.forms).toHaveLength(1);
  unlock();
  await untilAll(store, 'dialled');
  await expectEachOnce(vicidial, store);
});

test('a server that is killed while the table is locked does not add the lead twice after a restart', async () => {
  const vicidial = new VicidialStandIn();
  const receiver = await startReceiver(vicidial.behave);
  const file = join(temporaryDirectory(), 'leads.db');
  const { store } = await withLead({ data }, () => openSqliteStore(file));
  const startMain = () =>
    start('src/main.ts', [], {
      PORT: '0',
      DATABASE_URL: `sqlite:${file}`,
      DIALLER: 'vicidial',
      DIALLER_URL: receiver.url,
      DIALLER_TIMEOUT: '500',
      DIALLER_MAX_RUNTIME: '2000',
      ...settings,
    });
  // The server also checks the set-up when it starts, with requests that add nothing.
  const adding = () =>
    vicidial.forms.filter(
      (form) => form['function'] === 'add_lead' && form['vendor_lead_code'] !== undefined,
    );
  const unlock = vicidial.lock();
  const startedAt = Date.now();
  const killed = startMain();
  killed.stdout.resume();
  await until(() => expect(adding()).toHaveLength(1));
  const ended = new Promise((resolve) => killed.once('exit', resolve));
  killed.kill('SIGKILL');
  await ended;
  // The lease outlives the attempt by the time for which VICIdial may still process it.
  expect(await store.nextAttemptAt()).toBeGreaterThanOrEqual(startedAt + 500 + 2_000 + 5_000);
  const last = startMain();
  last.stdout.resume();
  unlock();
  await untilAll(store, 'dialled');
  last.kill('SIGTERM');
  await expectEachOnce(vicidial, store);
  expect(adding()).toHaveLength(1);
  await store.close();
}, 60_000);

test('a second row of a request that ran longer than DIALLER_MAX_RUNTIME is logged and recorded', async () => {
  const { vicidial, receiver } = await startVicidial();
  const { store } = await withLead({ data });
  const unlock = vicidial.lock();
  const { log, lines } = recordingLog();
  dispatch(store, diallerAt(receiver.url, { DIALLER_MAX_RUNTIME: '300' }), { timeout, log });
  // Both requests have passed VICIdial's check of duplicates.
  await until(() => expect(vicidial.running).toBeGreaterThanOrEqual(2));
  unlock();
  await untilAll(store, 'dialled');
  await until(() =>
    expect(lines.map(({ msg }) => String(msg))).toContainEqual(
      expect.stringMatching(/^The dialler has a lead more than once\./),
    ),
  );
  const response = expect.stringMatching(/the dialler has the lead \d times: 1, 2/);
  await until(async () =>
    expect(await Array.fromAsync(store.attempts(johnsMobile))).toContainEqual(
      expect.objectContaining({ response }),
    ),
  );
  expect(await leadsIn(store)).toMatchObject([{ state: 'dialled' }]);
});

test('a second row is found after a restart too', async () => {
  const { vicidial, receiver } = await startVicidial();
  const { store } = await withLead({ data });
  vicidial.killOnceAt('row');
  const changes = { DIALLER_MAX_RUNTIME: '300' };
  const dispatcher = dispatch(store, diallerAt(receiver.url, changes), { timeout });
  await untilAll(store, 'dialled');
  await dispatcher.stop();
  // The first request was not killed: it has passed the check of duplicates, and adds its row late.
  const [first] = vicidial.forms;
  await vicidial.respond({ ...first, duplicate_check: '' });
  const { log, lines } = recordingLog();
  expect(vicidial.leads).toHaveLength(2);
  dispatch(store, diallerAt(receiver.url, changes), { timeout, log });
  await until(() =>
    expect(lines).toContainEqual(
      expect.objectContaining({ response: 'the dialler has the lead 2 times: 1, 2' }),
    ),
  );
});

test('a look-up that fails sends nothing, and is repeated', async () => {
  const { vicidial, receiver, dialler, store } = await startWithLead();
  vicidial.killOnceAt('row');
  let failures = 0;
  receiver.behave = (received, outgoing, incoming) => {
    if (failures < 2 && received.body.includes('function=lead_search')) {
      failures += 1;
      outgoing.writeHead(500).end();
    } else vicidial.behave(received, outgoing, incoming);
  };
  dispatch(store, dialler, { timeout });
  await untilAll(store, 'dialled');
  await expectEachOnce(vicidial, store);
  const attempts = await attemptsOf(store, 4);
  expect(attempts.map(({ outcome, response }) => [outcome, response])).toEqual([
    ['unknown', 'connection closed without a response'],
    ['unavailable', 'not sent: lead_search failed (HTTP 500)'],
    ['unavailable', 'not sent: lead_search failed (HTTP 500)'],
    ['delivered', expect.stringContaining('lead 1 of list 1001')],
  ]);
});

describe('a duplicate', () => {
  /** Adds a lead with John's number that is not from the server. */
  const addForeign = (vicidial: VicidialStandIn) =>
    vicidial.respond({
      user: 'leadsapi',
      pass: 'correct horse',
      function: 'add_lead',
      phone_number: '7840258823',
      list_id: '1001',
      vendor_lead_code: 'another',
    });

  test('of another source fails the lead, with the list and the lead that VICIdial has', async () => {
    const { vicidial, dialler, store } = await startWithLead();
    await addForeign(vicidial);
    const { log, lines } = recordingLog();
    dispatch(store, dialler, { log });
    const [lead] = await untilAll(store, 'failed');
    expect(lead).toMatchObject({
      isUndecided: false,
      lastResponse:
        'add_lead DUPLICATE PHONE NUMBER IN LIST: list 1001 has the number as lead 1, which is not from this server, or was erased or pruned here',
    });
    expect(vicidial.leads).toMatchObject([{ columns: { vendor_lead_code: 'another' } }]);
    const messages = lines.map(({ msg }) => String(msg)).join(' ');
    expect(messages).toContain('The dialler would reject the lead again');
    expect(messages).not.toContain('lead retry');
  });

  test('of another source is not treated as ours after a lost response', async () => {
    const { vicidial, dialler, store } = await startWithLead();
    vicidial.killOnceAt('row');
    dispatch(store, dialler, { timeout });
    await attemptsOf(store, 1);
    await addForeign(vicidial);
    const [lead] = await untilAll(store, 'failed');
    expect(lead?.lastResponse).toContain('lead 1, which is not from this server');
    // VICIdial had no lead of ours before the attempt, so that nothing is left to decide.
    expect(lead).toMatchObject({ isUndecided: false, mayHaveArrived: false });
  });

  test('in a list that the user may not read fails nothing, and names the lead', async () => {
    const { vicidial, dialler, store } = await startWithLead();
    vicidial.killOnceAt('row');
    dispatch(store, dialler, { timeout });
    await attemptsOf(store, 1);
    await addForeign(vicidial);
    vicidial.hiddenLists.add('1001');
    const [, second] = await attemptsOf(store, 2);
    expect(second).toMatchObject({
      outcome: 'unavailable',
      response:
        'not sent: lead_field_info LIST NOT FOUND (lead 1 of VICIdial, whose list the user may not read)',
    });
  });

  test('of an earlier lead of the person is called again after the re-contact period', async () => {
    const { vicidial, dialler, store, first, from, content } = await startWithLead();
    await store.setRecontactAfter('motor', 1);
    dispatch(store, dialler);
    await untilAll(store, 'dialled');
    vicidial.dial();
    const more = content({ first_name: 'Jon', data: '{"vehicle_make": "Audi"}' });
    expect(await store.submit(from(first.id, { content: more }))).toMatchObject({ outcome: 'accepted' });
    const [latest] = await untilAll(store, 'dialled');
    expect(latest?.lastResponse).toContain('lead 1 of list 1001');
    expect(latest?.lastResponse).toContain('contacted before, and reset to be called again');
    expect(vicidial.leads).toMatchObject([
      {
        status: 'NEW',
        calledCount: 0,
        columns: { vendor_lead_code: latest?.id, first_name: 'Jon', phone_number: '7840258823' },
        custom: { vehicle_make: 'Audi' },
      },
    ]);
    expect(vicidial.dial()).toEqual(['447840258823']);
  });

  test('of an earlier lead of the person loses a number and an address that the new lead does not have', async () => {
    const other = { other_phone: '07840258824' };
    const { vicidial, dialler, store, first, from, content } = await startWithLead(other);
    await store.setRecontactAfter('motor', 1);
    dispatch(store, dialler);
    await untilAll(store, 'dialled');
    expect(vicidial.leads[0]?.columns).toMatchObject({ alt_phone: '7840258824', email: john.email });
    await store.submit(from(first.id, { content: content({ email: 'john+1@test.com' }) }));
    await untilAll(store, 'dialled');
    expect(vicidial.leads[0]?.columns).toMatchObject({ alt_phone: '', email: '' });
  });

  test('of an earlier lead of the person that must not be called fails the lead', async () => {
    const { vicidial, dialler, store, first, from, content } = await startWithLead();
    await store.setRecontactAfter('motor', 1);
    dispatch(store, dialler);
    await untilAll(store, 'dialled');
    for (const lead of vicidial.leads) lead.status = 'DNC';
    vicidial.hopper.length = 0;
    await store.submit(from(first.id, { content: content({}) }));
    const [latest] = await untilAll(store, 'dialled', 'failed');
    expect(latest).toMatchObject({
      state: 'failed',
      lastResponse: 'lead 1 of list 1001 has the status DNC: the person must not be called',
    });
    expect(vicidial.hopper).toEqual([]);
  });

  test('of the same person and another type is not touched', async () => {
    const { vicidial, dialler } = await startVicidial({ DIALLER_LISTS: '{"motor": 1001, "home": 1001}' });
    const { store, first, from, content } = await withLead();
    await store.addType('home', null);
    await store.grantType('first', 'home');
    dispatch(store, dialler);
    await untilAll(store, 'dialled');
    await store.submit(from(first.id, { type: 'home', content: content({ type: 'home' }) }));
    const leads = await untilAll(store, 'dialled', 'failed');
    expect(leads.map(({ type, state }) => [type, state])).toEqual([
      ['home', 'failed'],
      ['motor', 'dialled'],
    ]);
    expect(vicidial.leads).toMatchObject([{ columns: { vendor_lead_code: leads[1]?.id } }]);
  });
});

test('an attempt without an unknown outcome before it looks nothing up', async () => {
  const { vicidial, dialler } = await startVicidial();
  const { store } = await withLead({}, openStore);
  dispatch(store, dialler);
  await untilAll(store, 'dialled');
  expect(vicidial.forms.map((form) => form['function'])).toEqual(['add_lead']);
});
