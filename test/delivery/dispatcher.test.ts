/** Nobody is called early, no lead is forgotten, and a lead is in flight once at most. */
import type { ServerResponse } from 'node:http';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { DeliveryResult, Dialler } from '../../src/delivery/dialler.ts';
import { digestOf } from '../../src/partners/key.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { post } from '../harness/client.ts';
import { requestValue, responseValue } from '../harness/contract.ts';
import { dispatch, until, untilAll, untilQueried, webhookTo } from '../harness/dispatch.ts';
import { mobileOf } from '../harness/mobile.ts';
import { accept, startReceiver } from '../harness/receiver.ts';
import { recordingLog } from '../harness/recording-log.ts';
import { leadsIn, startServer } from '../harness/server.ts';
import { newSubmission } from '../harness/submissions.ts';
import { openStore, seeded } from '../store/stores.ts';

const delivered: DeliveryResult = { outcome: 'delivered', response: 'delivered' };

/** A dialler that records the numbers it receives. */
function recordingDialler(deliver: () => Promise<DeliveryResult> = async () => delivered) {
  const mobiles: string[] = [];
  const dialler: Dialler = {
    name: 'test',
    deliver: (lead) => {
      mobiles.push(lead.mobile);
      return deliver();
    },
  };
  return { dialler, mobiles };
}

/** Stops the clock at a time. */
function freezeClock(time: string): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(time) });
  onTestFinished(() => void vi.useRealTimers());
}

test('delivers leads that became due while no server was running, most overdue first', async () => {
  const { store, first, from } = await seeded(openStore());
  const now = Date.now();
  for (const [index, ago] of [3, 1, 2].entries()) {
    const received = now - ago * 3_600_000;
    vi.useFakeTimers({ toFake: ['Date'], now: received });
    await store.submit(from(first.id, { mobile: mobileOf(ago), receivedAt: received + index }));
    vi.useRealTimers();
  }
  const { dialler, mobiles } = recordingDialler();
  dispatch(store, dialler, { concurrency: 1 });
  await untilAll(store, 'dialled');
  expect(mobiles).toEqual([mobileOf(3), mobileOf(2), mobileOf(1)]);
});

test('leads that keep failing do not hold up others', async () => {
  const { store, first, from } = await seeded(openStore());
  for (let index = 0; index < 20; index += 1) await store.submit(from(first.id, { mobile: mobileOf(index) }));
  let calls = 0;
  const dialler: Dialler = {
    name: 'test',
    deliver: async (lead) => {
      calls += 1;
      return lead.mobile < mobileOf(5) ? { outcome: 'unavailable', response: 'busy' } : delivered;
    },
  };
  dispatch(store, dialler, { concurrency: 2, retrySchedule: Array(1_000).fill(1) });
  await expect
    .poll(async () => (await leadsIn(store)).filter(({ state }) => state === 'dialled').length)
    .toBe(15);
  expect(calls).toBeGreaterThanOrEqual(20);
});

test('two dispatchers that share a store never deliver the same lead', async () => {
  const { store, first, from } = await seeded(openStore());
  for (let index = 0; index < 300; index += 1)
    await store.submit(from(first.id, { mobile: mobileOf(index) }));
  // Each dispatcher sends one lead until its first success, so both have one before either gets a second.
  const bothSending = Promise.withResolvers<void>();
  const deliver = async () => {
    if (one.mobiles.length > 0 && two.mobiles.length > 0) bothSending.resolve();
    await bothSending.promise;
    return delivered;
  };
  const one = recordingDialler(deliver);
  const two = recordingDialler(deliver);
  dispatch(store, one.dialler);
  dispatch(store, two.dialler);
  await untilAll(store, 'dialled');
  const all = [...one.mobiles, ...two.mobiles];
  expect(new Set(all).size).toBe(300);
  expect(all).toHaveLength(300);
  expect(Math.min(one.mobiles.length, two.mobiles.length)).toBeGreaterThan(0);
});

test('notices a lead that another process adds, without a notification', async () => {
  const server = await startServer();
  const { dialler } = recordingDialler();
  dispatch(server.store, dialler);
  await untilQueried(server.store, 'nextAttemptAt');
  const other = openSqliteStore(server.file);
  const holder = await other.keyHolder(digestOf(server.key));
  const lead = { type: server.type, mobile: mobileOf(1), delays: 0, content: '{}' };
  await other.submit(newSubmission({ partnerId: holder?.partner.id ?? 0, receivedAt: Date.now(), ...lead }));
  await other.close();
  await untilAll(server.store, 'dialled');
});

test('a lead is either cancelled or delivered, never both (200 races)', async () => {
  const server = await startServer();
  const { dialler, mobiles } = recordingDialler();
  dispatch(server.store, dialler);
  const body = requestValue('addLead', 'accepted');
  const cancelled = responseValue('cancelLead', 200, 'cancelled');
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const person = { ...body, mobile: mobileOf(index) };
      await post(server, 'addLead', person);
      const { json } = await post(server, 'cancelLead', { mobile: person.mobile, type: server.type });
      return { mobile: person.mobile, isCancelled: JSON.stringify(json) === JSON.stringify(cancelled) };
    }),
  );
  await untilAll(server.store, 'dialled', 'cancelled');
  // Otherwise there was no race.
  expect(new Set(outcomes.map(({ isCancelled }) => isCancelled))).toEqual(new Set([true, false]));
  for (const { mobile: number, isCancelled } of outcomes) expect(mobiles.includes(number)).toBe(!isCancelled);
});

test('keeps exactly DIALLER_CONCURRENCY leads in flight while more are due', async () => {
  const { store, first, from } = await seeded(openStore());
  for (let index = 0; index < 100; index += 1) {
    await store.submit(from(first.id, { mobile: mobileOf(index), content: '{}' }));
  }
  const held: ServerResponse[] = [];
  const receiver = await startReceiver((...of) => {
    // One lead at a time is sent until the first success.
    if (receiver.received.length === 1) accept(...of);
    else held.push(of[1]);
  });
  dispatch(store, webhookTo(receiver.url), { concurrency: 7, timeout: 20_000 });
  await expect.poll(() => held.length).toBe(7);
  await untilQueried(store, 'pauses');
  expect(held).toHaveLength(7);
  receiver.behave = accept;
  for (const outgoing of held) outgoing.writeHead(204).end();
  await untilAll(store, 'dialled');
  expect(receiver.maxConcurrency).toBe(7);
  expect(receiver.received).toHaveLength(100);
});

test('sends few leads to a dialler that is down, and the others keep their attempts', async () => {
  const { store, first, from } = await seeded(openStore());
  for (let index = 0; index < 100; index += 1)
    await store.submit(from(first.id, { mobile: mobileOf(index) }));
  // The dialler is down for seven attempts, and the test holds the eighth.
  const back = Promise.withResolvers<void>();
  const { dialler, mobiles } = recordingDialler(async () => {
    if (mobiles.length < 8) return { outcome: 'unavailable', response: 'down' };
    await back.promise;
    return delivered;
  });
  const circuitBreakerDelays = { initial: 1, max: 1 };
  const dispatcher = dispatch(store, dialler, { circuitBreakerDelays, retrySchedule: [600_000] });
  await until(() => expect(mobiles).toHaveLength(8));
  await untilQueried(store, 'pauses');
  expect(mobiles).toHaveLength(8);
  const untouched = (await leadsIn(store)).filter(({ attempts }) => attempts === 0);
  expect(untouched).toHaveLength(92);
  back.resolve();
  await until(async () => expect(await store.leadStats()).toMatchObject({ byState: { dialled: 93 } }));
  expect(dispatcher.status()).toEqual({ dialler: 'test', state: 'running' });
});

test('while the dialler seems down, sends a lead of another type than those that have failed', async () => {
  const { store, first, from } = await seeded(openStore());
  await store.addType('home', null);
  await store.grantType('first', 'home');
  for (let index = 0; index < 10; index += 1) {
    await store.submit(from(first.id, { mobile: mobileOf(index), type: 'home' }));
  }
  await store.submit(from(first.id, { mobile: mobileOf(10), type: 'motor' }));
  const types: string[] = [];
  const dialler: Dialler = {
    name: 'test',
    deliver: async ({ type }) => {
      types.push(type);
      return type === 'home' ? { outcome: 'unknown', response: 'HTTP 500' } : delivered;
    },
  };
  const circuitBreakerDelays = { initial: 1, max: 1 };
  dispatch(store, dialler, { circuitBreakerDelays, retrySchedule: [600_000] });
  // After the first failure, the only lead of the other type is next. Then all leads are sent.
  await until(() => expect(types).toHaveLength(11));
  expect(types.slice(0, 3)).toEqual(['home', 'motor', 'home']);
});

test('a lead past DIAL_WITHIN expires and is not delivered', async () => {
  const { store, first, from } = await seeded(openStore());
  const hour = 3_600_000;
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 2 * hour });
  await store.submit(from(first.id, { mobile: mobileOf(1) }));
  vi.useRealTimers();
  await store.submit(from(first.id, { mobile: mobileOf(2) }));
  const { dialler, mobiles } = recordingDialler();
  dispatch(store, dialler, { dialWithin: hour });
  await untilAll(store, 'dialled', 'expired');
  expect(mobiles).toEqual([mobileOf(2)]);
});

test.each([
  ['end of summer time', '2026-10-25T00:30:00Z', 3_600, '2026-10-25T01:30:00.000Z'],
  ['start of summer time', '2026-03-29T00:30:00Z', 3_600, '2026-03-29T01:30:00.000Z'],
])('a delay across the %s has its full length', async (_night, accepted, delays, due) => {
  const zone = process.env['TZ'];
  process.env['TZ'] = 'Europe/London';
  onTestFinished(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });
  freezeClock(accepted);
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id, { delays }));
  const [lead] = await leadsIn(store);
  expect(new Date(lead?.dueAt ?? 0).toISOString()).toBe(due);
  const { dialler, mobiles } = recordingDialler();
  dispatch(store, dialler);
  vi.setSystemTime(Date.parse(due) - 1);
  await untilQueried(store, 'nextAttemptAt');
  expect(mobiles).toEqual([]);
  vi.setSystemTime(Date.parse(due));
  await untilAll(store, 'dialled');
});

test('after the clock is set back by an hour, no lead is delivered early or lost', async () => {
  freezeClock('2026-11-23T12:00:00Z');
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id, { delays: 600 }));
  const { dialler, mobiles } = recordingDialler();
  const { log, lines } = recordingLog();
  dispatch(store, dialler, { log });
  vi.setSystemTime('2026-11-23T12:09:59.900Z');
  await untilQueried(store, 'nextAttemptAt');
  vi.setSystemTime('2026-11-23T11:09:59.900Z');
  await untilQueried(store, 'nextAttemptAt');
  expect(mobiles).toEqual([]);
  expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
    {
      msg: expect.stringMatching(
        /^The clock was set back by 360\d s\. Due leads are delivered that much later/,
      ),
    },
  ]);
  await store.submit(from(first.id, { mobile: mobileOf(1), delays: 600 }));
  vi.setSystemTime('2026-11-23T11:20:00Z');
  await expect.poll(() => mobiles).toEqual([mobileOf(1)]);
  vi.setSystemTime('2026-11-23T12:10:00Z');
  await untilAll(store, 'dialled');
  expect(mobiles).toHaveLength(2);
});

test('notices a clock that is set forward', async () => {
  freezeClock('2026-11-23T12:00:00Z');
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id, { delays: 3_600 }));
  const { dialler } = recordingDialler();
  dispatch(store, dialler);
  await untilQueried(store, 'nextAttemptAt');
  vi.setSystemTime('2026-11-23T13:00:00Z');
  await untilAll(store, 'dialled');
});

test('stop waits until attempts in flight are recorded', async () => {
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id));
  let response = (_result: DeliveryResult) => {};
  const { dialler, mobiles } = recordingDialler(() => new Promise((resolve) => (response = resolve)));
  const dispatcher = dispatch(store, dialler);
  await expect.poll(() => mobiles.length).toBe(1);
  const stopped = dispatcher.stop();
  response(delivered);
  await stopped;
  expect((await leadsIn(store))[0]?.state).toBe('dialled');
});

test('retries a failing store and does not lose the result of an attempt', async () => {
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id));
  const recording = vi.spyOn(store, 'recordAttempt').mockRejectedValueOnce(new Error('disk full'));
  const claiming = vi.spyOn(store, 'claimDue').mockRejectedValueOnce(new Error('disk full'));
  const { dialler, mobiles } = recordingDialler();
  dispatch(store, dialler);
  await untilAll(store, 'dialled');
  expect([claiming.mock.calls.length, recording.mock.calls.length, mobiles.length]).toEqual([2, 2, 1]);
});

test('the lease outlasts DIALLER_TIMEOUT by five seconds', async () => {
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id));
  const claiming = vi.spyOn(store, 'claimDue');
  dispatch(store, recordingDialler().dialler, { timeout: 7_000 });
  await untilAll(store, 'dialled');
  expect(claiming.mock.calls[0]?.[0].lease).toBe(12_000);
});

test('queries the store at least twice a second', async () => {
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id, { delays: 600 }));
  const sleeping = vi.spyOn(globalThis, 'setTimeout');
  onTestFinished(() => sleeping.mockRestore());
  const down = recordingDialler(async () => ({
    outcome: 'unavailable',
    response: 'down',
    retryAfter: 600_000,
  }));
  const dispatcher = dispatch(store, down.dialler, { timeout: 100 });
  await untilQueried(store, 'nextAttemptAt');
  await store.submit(from(first.id, { mobile: mobileOf(1) }));
  await until(() => expect(dispatcher.status().state).toBe('waiting'));
  await untilQueried(store, 'pauses');
  await store.pauseDelivery({ type: undefined, by: 'operator', reason: 'maintenance' });
  await until(() => expect(dispatcher.status().state).toBe('paused'));
  await untilQueried(store, 'pauses');
  const sleeps = sleeping.mock.calls.map(([, milliseconds = 0]) => milliseconds);
  expect(sleeps).toContain(500);
  expect(Math.max(...sleeps)).toBe(500);
});

test('stops even if every call to the store fails', async () => {
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id));
  await store.submit(from(first.id, { mobile: mobileOf(1) }));
  const fail = () => Promise.reject(new Error('disk full'));
  const recording = vi.spyOn(store, 'recordAttempt').mockImplementation(fail);
  vi.spyOn(store, 'pauseDelivery').mockImplementation(fail);
  const { log, lines } = recordingLog();
  const { dialler, mobiles } = recordingDialler(async () => ({
    ...delivered,
    pause: { reason: 'login incorrect' },
  }));
  const dispatcher = dispatch(store, dialler, { log, drainTimeout: 100 });
  await until(() => expect(recording).toHaveBeenCalled());
  for (const method of ['pauses', 'nextAttemptAt', 'claimDue'] as const) {
    vi.spyOn(store, method).mockImplementation(fail);
  }
  await dispatcher.stop();
  expect(mobiles).toHaveLength(1);
  const messages = lines.map(({ msg }) => String(msg));
  expect(messages).toContain('The store failed while recording a delivery attempt; retrying.');
  expect(messages.filter((message) => message === 'A delivery pause was not saved.')).toHaveLength(1);
});

test('stop ends an attempt without a response and records it as unknown', async () => {
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id));
  const receiver = await startReceiver(() => {});
  const dispatcher = dispatch(store, webhookTo(receiver.url), { timeout: 600_000, drainTimeout: 20 });
  await until(() => expect(receiver.received).toHaveLength(1));
  await dispatcher.stop();
  expect(await Array.fromAsync(store.attempts('+447840258823'))).toMatchObject([
    { outcome: 'unknown', response: 'no response before the server stopped' },
  ]);
});

test('a pause that one dialler causes stops all servers and survives a restart', async () => {
  const { store, first, from } = await seeded(openStore());
  for (let index = 0; index < 20; index += 1) await store.submit(from(first.id, { mobile: mobileOf(index) }));
  const { log, lines } = recordingLog();
  let isRefusing = true;
  const refuse = async (): Promise<DeliveryResult> =>
    isRefusing
      ? { outcome: 'unavailable', response: 'Login incorrect', pause: { reason: 'Login incorrect' } }
      : delivered;
  const one = recordingDialler(refuse);
  const other = recordingDialler(refuse);
  const dispatchers = [dispatch(store, one.dialler, { log }), dispatch(store, other.dialler)];
  const paused = {
    state: 'paused',
    reason: 'Delivery of all lead types is paused by the dialler: Login incorrect.',
  };
  for (const dispatcher of dispatchers) {
    await until(() => expect(dispatcher.status()).toMatchObject(paused));
  }
  // Each dispatcher sent one lead at most, because none had succeeded yet.
  const attempts = one.mobiles.length + other.mobiles.length;
  expect(attempts).toBeLessThanOrEqual(2);
  await dispatchers[0]?.stop();
  const restarted = recordingDialler(refuse);
  const dispatcher = dispatch(store, restarted.dialler);
  await until(() => expect(dispatcher.status()).toMatchObject(paused));
  await untilQueried(store, 'pauses', 4);
  expect(restarted.mobiles).toEqual([]);
  expect(one.mobiles.length + other.mobiles.length).toBe(attempts);
  const logged = lines.filter(({ level }) => level === 'fatal');
  expect(logged.map(({ msg }) => msg)).toEqual([
    'Delivery of all lead types is paused by the dialler: Login incorrect. Fix the cause, then run `leads delivery resume`.',
  ]);

  isRefusing = false;
  await store.resumeDelivery(undefined);
  await untilAll(store, 'dialled');
  expect(dispatcher.status()).toEqual({ dialler: 'test', state: 'running' });
});

test('after a pause, one lead is sent first and the others after its success', async () => {
  const { store, first, from } = await seeded(openStore());
  const responses: ((result: DeliveryResult) => void)[] = [];
  const { dialler } = recordingDialler(() => new Promise((resolve) => responses.push(resolve)));
  await store.submit(from(first.id));
  const dispatcher = dispatch(store, dialler, { concurrency: 8 });
  await until(() => expect(responses).toHaveLength(1));
  responses[0]?.(delivered);
  await untilAll(store, 'dialled');
  await store.pauseDelivery({ type: undefined, by: 'dialler', reason: 'Login incorrect' });
  for (let index = 0; index < 20; index += 1) await store.submit(from(first.id, { mobile: mobileOf(index) }));
  await until(() => expect(dispatcher.status().state).toBe('paused'));
  await store.resumeDelivery(undefined);
  await until(() => expect(responses).toHaveLength(2));
  await untilQueried(store, 'pauses');
  expect(responses).toHaveLength(2);
  responses[1]?.(delivered);
  await until(() => expect(responses).toHaveLength(10));
  for (const response of responses) response(delivered);
});

test('a pause of one type does not affect others, and each change is logged once', async () => {
  const { store, first, from } = await seeded(openStore());
  await store.addType('home', null);
  await store.grantType('first', 'home');
  const { log, lines } = recordingLog();
  const { dialler, mobiles } = recordingDialler();
  const dispatcher = dispatch(store, dialler, { log });
  await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'The list is full.' });
  for (let index = 0; index < 40; index += 1) {
    await store.submit(from(first.id, { mobile: mobileOf(index), type: index % 2 ? 'home' : 'motor' }));
  }
  await until(async () => expect(await store.leadStats()).toMatchObject({ byState: { dialled: 20 } }));
  await untilQueried(store, 'pauses', 3);
  expect(mobiles.filter((each) => Number(each) % 2 === 0)).toEqual([]);
  const reason = 'Delivery of lead type "motor" is paused by the operator: The list is full.';
  expect(dispatcher.status()).toEqual({ dialler: 'test', state: 'running', reason });
  await store.resumeDelivery('motor');
  await untilAll(store, 'dialled');
  await until(() => expect(lines.filter(({ by }) => by === 'operator')).toHaveLength(2));
  expect(lines.filter(({ by }) => by === 'operator')).toMatchObject([
    {
      level: 'warn',
      type: 'motor',
      msg: `${reason} Run \`leads delivery resume --type "motor"\` to resume.`,
    },
    { level: 'info', type: 'motor', msg: expect.stringContaining('is no longer paused') },
  ]);
});

test('a pause does not interrupt an attempt in flight', async () => {
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id));
  let response = (_result: DeliveryResult) => {};
  const { dialler, mobiles } = recordingDialler(() => new Promise((resolve) => (response = resolve)));
  const dispatcher = dispatch(store, dialler);
  await until(() => expect(mobiles).toHaveLength(1));
  await store.pauseDelivery({ type: undefined, by: 'operator', reason: 'maintenance' });
  await until(() => expect(dispatcher.status().state).toBe('paused'));
  response(delivered);
  await untilAll(store, 'dialled');
});
