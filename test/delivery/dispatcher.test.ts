/** Nobody is rung early, nobody is forgotten, and a lead is on its way once. */
import type { ServerResponse } from 'node:http';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { DeliveryResult, Dialler } from '../../src/delivery/dialler.ts';
import { newSubmission } from '../../src/leads/submission.ts';
import { digestOf } from '../../src/partners/key.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { post } from '../harness/client.ts';
import { requestValue, responseValue } from '../harness/contract.ts';
import { asked, dispatch, keptLog, until, untilAll, webhookTo } from '../harness/dispatch.ts';
import { startReceiver, take } from '../harness/receiver.ts';
import { leadsIn, startServer } from '../harness/server.ts';
import { furnished, openStore } from '../store/stores.ts';

const taken: DeliveryResult = { outcome: 'delivered', response: 'delivered' };

/** A dialler in this process that keeps what it was given. */
function keeping(response: () => Promise<DeliveryResult> = async () => taken) {
  const mobiles: string[] = [];
  const dialler: Dialler = {
    name: 'test',
    deliver: (lead) => {
      mobiles.push(lead.mobile);
      return response();
    },
  };
  return { dialler, mobiles };
}

/** The clock stands still at this time from now on. */
function setClock(time: string): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(time) });
  onTestFinished(() => void vi.useRealTimers());
}

function mobile(index: number): string {
  return `+4478402${String(index).padStart(5, '0')}`;
}

test('leads that became due while nothing ran are handed over at the start, the oldest first', async () => {
  const { store, first, from } = await furnished(openStore());
  const now = Date.now();
  for (const [index, ago] of [3, 1, 2].entries()) {
    const received = now - ago * 3_600_000;
    vi.useFakeTimers({ toFake: ['Date'], now: received });
    await store.submit(from(first.id, { mobile: mobile(ago), receivedAt: received + index }));
    vi.useRealTimers();
  }
  const { dialler, mobiles } = keeping();
  dispatch(store, dialler, { concurrency: 1 });
  await untilAll(store, 'dialled');
  expect(mobiles).toEqual([mobile(3), mobile(2), mobile(1)]);
});

test('leads that keep failing do not keep others from their turn', async () => {
  const { store, first, from } = await furnished(openStore());
  for (let index = 0; index < 20; index += 1) await store.submit(from(first.id, { mobile: mobile(index) }));
  let calls = 0;
  const dialler: Dialler = {
    name: 'test',
    deliver: async (lead) => {
      calls += 1;
      return lead.mobile < mobile(5) ? { outcome: 'unavailable', response: 'busy' } : taken;
    },
  };
  dispatch(store, dialler, { concurrency: 2, pauses: Array(1_000).fill(1) });
  await expect
    .poll(async () => (await leadsIn(store)).filter(({ state }) => state === 'dialled').length)
    .toBe(15);
  expect(calls).toBeGreaterThanOrEqual(20);
});

test('two dispatchers over one store never hand over the same lead', async () => {
  const { store, first, from } = await furnished(openStore());
  for (let index = 0; index < 300; index += 1) await store.submit(from(first.id, { mobile: mobile(index) }));
  const slow = async () => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
    return taken;
  };
  const one = keeping(slow);
  const two = keeping(slow);
  dispatch(store, one.dialler);
  dispatch(store, two.dialler);
  await untilAll(store, 'dialled');
  const all = [...one.mobiles, ...two.mobiles];
  expect(new Set(all).size).toBe(300);
  expect(all).toHaveLength(300);
  expect(Math.min(one.mobiles.length, two.mobiles.length)).toBeGreaterThan(0);
});

test('a lead that another process adds is noticed, though nobody tells of it', async () => {
  const server = await startServer();
  const { dialler } = keeping();
  dispatch(server.store, dialler);
  await asked(server.store, 'nextAttemptAt');
  const other = openSqliteStore(server.file);
  const holder = await other.keyHolder(digestOf(server.key));
  const lead = { type: server.type, mobile: mobile(1), delays: 0, content: '{}' };
  await other.submit(newSubmission({ partnerId: holder?.partner.id ?? 0, receivedAt: Date.now(), ...lead }));
  await other.close();
  await untilAll(server.store, 'dialled');
});

test('of a partner that cancels and a dispatcher that hands over exactly one wins, over and over', async () => {
  const server = await startServer();
  const { dialler, mobiles } = keeping();
  dispatch(server.store, dialler);
  const body = requestValue('addLead', 'accepted');
  const cancelled = responseValue('cancelLead', 200, 'cancelled');
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const person = { ...body, mobile: mobile(index) };
      await post(server, 'addLead', person);
      const { json } = await post(server, 'cancelLead', { mobile: person.mobile, type: server.type });
      return { mobile: person.mobile, isCancelled: JSON.stringify(json) === JSON.stringify(cancelled) };
    }),
  );
  await untilAll(server.store, 'dialled', 'cancelled');
  for (const { mobile: number, isCancelled } of outcomes) expect(mobiles.includes(number)).toBe(!isCancelled);
});

test('as many leads are under way at once as are allowed and no more, however many are due', async () => {
  const { store, first, from } = await furnished(openStore());
  for (let index = 0; index < 100; index += 1) {
    await store.submit(from(first.id, { mobile: mobile(index), content: '{}' }));
  }
  const held: ServerResponse[] = [];
  const receiver = await startReceiver((...of) => {
    // Until the first success one lead at a time is sent.
    if (receiver.received.length === 1) take(...of);
    else held.push(of[1]);
  });
  dispatch(store, webhookTo(receiver.url), { concurrency: 7, timeout: 20_000 });
  await expect.poll(() => held.length, { timeout: 10_000 }).toBe(7);
  await asked(store, 'pauses');
  expect(held).toHaveLength(7);
  receiver.behave = take;
  for (const outgoing of held) outgoing.writeHead(204).end();
  await untilAll(store, 'dialled');
  expect(receiver.maxBurst).toBe(7);
  expect(receiver.received).toHaveLength(100);
});

test('a dialler that is down is left alone, and its leads keep their tries', async () => {
  const { store, first, from } = await furnished(openStore());
  for (let index = 0; index < 100; index += 1) await store.submit(from(first.id, { mobile: mobile(index) }));
  let isUp = false;
  const { dialler, mobiles } = keeping(async () =>
    isUp ? taken : { outcome: 'unavailable', response: 'down' },
  );
  // The second pause outlasts the test.
  const circuitBreakerDelays = { first: 1, longest: 600_000 };
  const dispatcher = dispatch(store, dialler, { circuitBreakerDelays, pauses: [600_000] });
  await until(() => expect(mobiles).toHaveLength(8));
  expect(dispatcher.status()).toMatchObject({
    state: 'waiting',
    reason: expect.stringContaining('next try in'),
  });
  const untouched = (await leadsIn(store)).filter(({ attempts }) => attempts === 0);
  expect(untouched).toHaveLength(92);
  isUp = true;
  await until(async () => expect(await store.workload()).toMatchObject({ byState: { dialled: 92 } }));
  expect(dispatcher.status()).toEqual({ dialler: 'test', state: 'running' });
});

test('a lead that is too late is expired, and is not rung', async () => {
  const { store, first, from } = await furnished(openStore());
  const hour = 3_600_000;
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 2 * hour });
  await store.submit(from(first.id, { mobile: mobile(1) }));
  vi.useRealTimers();
  await store.submit(from(first.id, { mobile: mobile(2) }));
  const { dialler, mobiles } = keeping();
  dispatch(store, dialler, { dialWithin: hour });
  await untilAll(store, 'dialled', 'expired');
  expect(mobiles).toEqual([mobile(2)]);
});

test.each([
  ['ends summer time', '2026-10-25T00:30:00Z', 3_600, '2026-10-25T01:30:00.000Z'],
  ['begins it', '2026-03-29T00:30:00Z', 3_600, '2026-03-29T01:30:00.000Z'],
])('a delay over the night that %s is as long as any', async (_what, accepted, delays, due) => {
  const zone = process.env['TZ'];
  process.env['TZ'] = 'Europe/London';
  onTestFinished(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });
  setClock(accepted);
  const { store, first, from } = await furnished(openStore());
  await store.submit(from(first.id, { delays }));
  const [lead] = await leadsIn(store);
  expect(new Date(lead?.dueAt ?? 0).toISOString()).toBe(due);
  const { dialler, mobiles } = keeping();
  dispatch(store, dialler);
  vi.setSystemTime(Date.parse(due) - 1);
  await asked(store, 'nextAttemptAt');
  expect(mobiles).toEqual([]);
  vi.setSystemTime(Date.parse(due));
  await untilAll(store, 'dialled');
});

test('while the clock is set back an hour nobody is rung early, and nobody is forgotten', async () => {
  setClock('2026-11-23T12:00:00Z');
  const { store, first, from } = await furnished(openStore());
  await store.submit(from(first.id, { delays: 600 }));
  const { dialler, mobiles } = keeping();
  const { log, lines } = keptLog();
  dispatch(store, dialler, { log });
  vi.setSystemTime('2026-11-23T12:09:59.900Z');
  await asked(store, 'nextAttemptAt');
  vi.setSystemTime('2026-11-23T11:09:59.900Z');
  await asked(store, 'nextAttemptAt');
  expect(mobiles).toEqual([]);
  expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
    { msg: expect.stringMatching(/^The clock was set back by 360\d s: leads that were due wait/) },
  ]);
  await store.submit(from(first.id, { mobile: mobile(1), delays: 600 }));
  vi.setSystemTime('2026-11-23T11:20:00Z');
  await expect.poll(() => mobiles, { timeout: 3_000 }).toEqual([mobile(1)]);
  vi.setSystemTime('2026-11-23T12:10:00Z');
  await untilAll(store, 'dialled');
  expect(mobiles).toHaveLength(2);
});

test('a clock that is set forward is noticed at once', async () => {
  setClock('2026-11-23T12:00:00Z');
  const { store, first, from } = await furnished(openStore());
  await store.submit(from(first.id, { delays: 3_600 }));
  const { dialler } = keeping();
  dispatch(store, dialler);
  await asked(store, 'nextAttemptAt');
  vi.setSystemTime('2026-11-23T13:00:00Z');
  await untilAll(store, 'dialled');
});

test('what is under way when the server stops is recorded before it has stopped', async () => {
  const { store, first, from } = await furnished(openStore());
  await store.submit(from(first.id));
  let response = (_result: DeliveryResult) => {};
  const { dialler, mobiles } = keeping(() => new Promise((resolve) => (response = resolve)));
  const dispatcher = dispatch(store, dialler);
  await expect.poll(() => mobiles.length).toBe(1);
  const stopped = dispatcher.stop();
  response(taken);
  await stopped;
  expect((await leadsIn(store))[0]?.state).toBe('dialled');
});

test('a store that fails for a while is asked again, and what came of a try is not forgotten', async () => {
  const { store, first, from } = await furnished(openStore());
  await store.submit(from(first.id));
  const recording = vi.spyOn(store, 'recordAttempt').mockRejectedValueOnce(new Error('disk full'));
  const claiming = vi.spyOn(store, 'claimDue').mockRejectedValueOnce(new Error('disk full'));
  const { dialler, mobiles } = keeping();
  dispatch(store, dialler);
  await untilAll(store, 'dialled');
  expect([claiming.mock.calls.length, recording.mock.calls.length, mobiles.length]).toEqual([2, 2, 1]);
});

test('the lease outlasts the time that the dialler has, by the time to record its answer', async () => {
  const { store, first, from } = await furnished(openStore());
  await store.submit(from(first.id));
  const claiming = vi.spyOn(store, 'claimDue');
  dispatch(store, keeping().dialler, { timeout: 7_000 });
  await untilAll(store, 'dialled');
  expect(claiming.mock.calls[0]?.[0].lease).toBe(12_000);
});

test('the store is asked at least twice a second, so that nothing waits longer', async () => {
  const { store, first, from } = await furnished(openStore());
  await store.submit(from(first.id, { delays: 600 }));
  const sleeping = vi.spyOn(globalThis, 'setTimeout');
  onTestFinished(() => sleeping.mockRestore());
  const down = keeping(async () => ({ outcome: 'unavailable', response: 'down', retryAfter: 600_000 }));
  const dispatcher = dispatch(store, down.dialler, { timeout: 100 });
  await asked(store, 'nextAttemptAt');
  await store.submit(from(first.id, { mobile: mobile(1) }));
  await until(() => expect(dispatcher.status().state).toBe('waiting'));
  await asked(store, 'pauses');
  await store.pauseDelivery({ type: undefined, by: 'operator', reason: 'maintenance' });
  await until(() => expect(dispatcher.status().state).toBe('paused'));
  await asked(store, 'pauses');
  const sleeps = sleeping.mock.calls.map(([, milliseconds = 0]) => milliseconds);
  expect(sleeps).toContain(500);
  expect(Math.max(...sleeps)).toBe(500);
});

test('a server stops while the store keeps failing, whatever it is asked', async () => {
  const { store, first, from } = await furnished(openStore());
  await store.submit(from(first.id));
  await store.submit(from(first.id, { mobile: mobile(1) }));
  const fails = () => Promise.reject(new Error('disk full'));
  const recording = vi.spyOn(store, 'recordAttempt').mockImplementation(fails);
  vi.spyOn(store, 'pauseDelivery').mockImplementation(fails);
  const { log, lines } = keptLog();
  const { dialler, mobiles } = keeping(async () => ({ ...taken, pauseReason: 'login incorrect' }));
  const dispatcher = dispatch(store, dialler, { log });
  await until(() => expect(recording).toHaveBeenCalled());
  for (const question of ['pauses', 'nextAttemptAt', 'claimDue'] as const) {
    vi.spyOn(store, question).mockImplementation(fails);
  }
  await dispatcher.stop();
  expect(mobiles).toHaveLength(1);
  const messages = lines.map(({ msg }) => String(msg));
  expect(messages).toContain('The store failed while a hand-over was recorded.');
  expect(messages.filter((message) => message.startsWith('The store failed while a pause'))).toHaveLength(1);
});

test('a dialler that does not answer is not waited for when the server stops, and its lead may be there', async () => {
  const { store, first, from } = await furnished(openStore());
  await store.submit(from(first.id));
  const receiver = await startReceiver(() => {});
  const dispatcher = dispatch(store, webhookTo(receiver.url), { timeout: 600_000, stopPatience: 20 });
  await until(() => expect(receiver.received).toHaveLength(1));
  await dispatcher.stop();
  expect(await Array.fromAsync(store.attempts('+447840258823'))).toMatchObject([
    { outcome: 'unknown', response: 'no answer before the server stopped' },
  ]);
});

test('what one server finds pauses all of them, and a restart does not try again', async () => {
  const { store, first, from } = await furnished(openStore());
  for (let index = 0; index < 20; index += 1) await store.submit(from(first.id, { mobile: mobile(index) }));
  const { log, lines } = keptLog();
  let refuses = true;
  const refusing = async (): Promise<DeliveryResult> =>
    refuses ? { outcome: 'unavailable', response: 'Login incorrect', pauseReason: 'Login incorrect' } : taken;
  const one = keeping(refusing);
  const other = keeping(refusing);
  const dispatchers = [dispatch(store, one.dialler, { log }), dispatch(store, other.dialler)];
  const paused = {
    state: 'paused',
    reason: 'Delivery of all lead types is paused by the dialler: Login incorrect.',
  };
  for (const dispatcher of dispatchers) {
    await until(() => expect(dispatcher.status()).toMatchObject(paused));
  }
  // Each had one lead at most, since neither knew the dialler yet.
  const attempts = one.mobiles.length + other.mobiles.length;
  expect(attempts).toBeLessThanOrEqual(2);
  await dispatchers[0]?.stop();
  const restarted = keeping(refusing);
  const dispatcher = dispatch(store, restarted.dialler);
  await until(() => expect(dispatcher.status()).toMatchObject(paused));
  await asked(store, 'pauses', 4);
  expect(restarted.mobiles).toEqual([]);
  expect(one.mobiles.length + other.mobiles.length).toBe(attempts);
  const told = lines.filter(({ level }) => level === 'fatal');
  expect(told.map(({ msg }) => msg)).toEqual([
    'Delivery of all lead types is paused by the dialler: Login incorrect. Fix the cause, then run `leads delivery resume`.',
  ]);

  refuses = false;
  await store.resumeDelivery(undefined);
  await untilAll(store, 'dialled');
  expect(dispatcher.status()).toEqual({ dialler: 'test', state: 'running' });
});

test('after a pause has ended one lead is sent first, and no others before the dialler has taken it', async () => {
  const { store, first, from } = await furnished(openStore());
  const answers: ((result: DeliveryResult) => void)[] = [];
  const { dialler } = keeping(() => new Promise((resolve) => answers.push(resolve)));
  await store.submit(from(first.id));
  const dispatcher = dispatch(store, dialler, { concurrency: 8 });
  await until(() => expect(answers).toHaveLength(1));
  answers[0]?.(taken);
  await untilAll(store, 'dialled');
  await store.pauseDelivery({ type: undefined, by: 'dialler', reason: 'Login incorrect' });
  for (let index = 0; index < 20; index += 1) await store.submit(from(first.id, { mobile: mobile(index) }));
  await until(() => expect(dispatcher.status().state).toBe('paused'));
  await store.resumeDelivery(undefined);
  await until(() => expect(answers).toHaveLength(2));
  await asked(store, 'pauses');
  expect(answers).toHaveLength(2);
  answers[1]?.(taken);
  await until(() => expect(answers).toHaveLength(10));
  for (const response of answers) response(taken);
});

test('an operator pauses a type on every server, the others go on, and each change is logged once', async () => {
  const { store, first, from } = await furnished(openStore());
  await store.addType('home', null);
  await store.grantType('first', 'home');
  const { log, lines } = keptLog();
  const { dialler, mobiles } = keeping();
  const dispatcher = dispatch(store, dialler, { log });
  await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'The list is full.' });
  for (let index = 0; index < 40; index += 1) {
    await store.submit(from(first.id, { mobile: mobile(index), type: index % 2 ? 'home' : 'motor' }));
  }
  await until(async () => expect(await store.workload()).toMatchObject({ byState: { dialled: 20 } }));
  await asked(store, 'pauses', 3);
  expect(mobiles.filter((each) => Number(each) % 2 === 0)).toEqual([]);
  const reason = 'Delivery of the lead type "motor" is paused by the operator: The list is full.';
  expect(dispatcher.status()).toEqual({ dialler: 'test', state: 'running', reason });
  await store.resumeDelivery('motor');
  await untilAll(store, 'dialled');
  await until(() => expect(lines.filter(({ by }) => by === 'operator')).toHaveLength(2));
  expect(lines.filter(({ by }) => by === 'operator')).toMatchObject([
    {
      level: 'warn',
      type: 'motor',
      msg: `${reason} \`leads delivery resume --type "motor"\` resumes it.`,
    },
    { level: 'info', type: 'motor', msg: expect.stringContaining('has ended') },
  ]);
});

test('a lead that is in flight when delivery is paused ends as any', async () => {
  const { store, first, from } = await furnished(openStore());
  await store.submit(from(first.id));
  let response = (_result: DeliveryResult) => {};
  const { dialler, mobiles } = keeping(() => new Promise((resolve) => (response = resolve)));
  const dispatcher = dispatch(store, dialler);
  await until(() => expect(mobiles).toHaveLength(1));
  await store.pauseDelivery({ type: undefined, by: 'operator', reason: 'maintenance' });
  await until(() => expect(dispatcher.status().state).toBe('paused'));
  response(taken);
  await untilAll(store, 'dialled');
});
