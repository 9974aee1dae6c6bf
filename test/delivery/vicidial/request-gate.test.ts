/** VICIdial processes a few requests at once, and a failed login is not repeated by those that wait. */
import { setImmediate as nextTick } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { RequestFailed } from '../../../src/delivery/diallers/vicidial/request-failed.ts';
import { RequestGate } from '../../../src/delivery/diallers/vicidial/request-gate.ts';
import { claimedLead, noContext } from '../claimed-lead.ts';
import { startVicidial } from './start.ts';

const never = new AbortController().signal;

/** Enters a gate, and notes when. */
function enter(gate: RequestGate, entered: number[], number: number, signal = never) {
  return gate.enter(signal).then(() => void entered.push(number));
}

test('lets the limit through, and the others in order, one for each that leaves', async () => {
  const gate = new RequestGate(2, 9);
  const entered: number[] = [];
  for (const number of [1, 2, 3, 4]) void enter(gate, entered, number);
  await nextTick();
  expect(entered).toEqual([1, 2]);
  gate.leave();
  await nextTick();
  expect(entered).toEqual([1, 2, 3]);
  gate.leave();
  await nextTick();
  gate.leave();
  gate.leave();
  await enter(gate, entered, 5);
  await enter(gate, entered, 6);
  void enter(gate, entered, 7);
  await nextTick();
  expect(entered).toEqual([1, 2, 3, 4, 5, 6]);
});

test('a request whose time is up while it waits is not sent, and takes no place', async () => {
  const gate = new RequestGate(1, 9);
  const entered: number[] = [];
  await enter(gate, entered, 1);
  const controller = new AbortController();
  const late = enter(gate, entered, 2, controller.signal);
  void enter(gate, entered, 3);
  controller.abort();
  await expect(late).rejects.toMatchObject({
    result: { outcome: 'unavailable', response: 'not sent: VICIdial was busy for too long' },
  });
  await expect(gate.enter(controller.signal)).rejects.toBeInstanceOf(RequestFailed);
  gate.leave();
  await nextTick();
  expect(entered).toEqual([1, 3]);
});

test('once it is closed, it refuses the requests that wait and all later ones, until it is opened', async () => {
  const gate = new RequestGate(1, 9);
  await gate.enter(never);
  const waiting = [gate.enter(never), gate.enter(never)];
  const error = new RequestFailed({ outcome: 'unavailable', response: 'Login incorrect' });
  gate.close(error);
  for (const each of await Promise.allSettled(waiting)) expect(each).toMatchObject({ reason: error });
  gate.leave();
  await expect(gate.enter(never)).rejects.toBe(error);
  gate.resume();
  await gate.enter(never);
  expect(gate.inFlight).toBe(1);
});

test('sends no more requests than its server has a share of, and none once the share has ended', async () => {
  const gate = new RequestGate(3, 9);
  const entered: number[] = [];
  gate.allow(0, Number.POSITIVE_INFINITY);
  for (const number of [1, 2, 3, 4]) void enter(gate, entered, number);
  await nextTick();
  expect(entered).toEqual([]);
  gate.allow(2, Number.POSITIVE_INFINITY);
  await nextTick();
  expect([entered, gate.current]).toEqual([[1, 2], 2]);
  // A smaller share applies as requests end.
  gate.allow(1, Number.POSITIVE_INFINITY);
  gate.leave();
  await nextTick();
  expect(entered).toEqual([1, 2]);
  gate.allow(3, performance.now() - 1);
  gate.leave();
  await nextTick();
  expect([entered, gate.current]).toEqual([[1, 2], 0]);
});

test('with a wrong password, only the requests that were sent already fail to log in', async () => {
  const { vicidial, dialler } = await startVicidial();
  vicidial.password = 'another';
  const arrived = Promise.withResolvers<void>();
  vicidial.onStep = async () => {
    if (vicidial.running === 3) arrived.resolve();
    await arrived.promise;
  };
  const leads = Array.from({ length: 12 }, (_, index) => claimedLead({}, { id: `lead-${index}` }));
  const results = await Promise.all(
    leads.map((lead) => dialler.deliver(lead, AbortSignal.timeout(20_000), noContext)),
  );
  for (const result of results) expect(result.pause?.reason).toContain('Login incorrect');
  expect(vicidial.failedLogins).toBe(3);
  // An attempt that was prepared before the failure, and a look-up.
  const signal = AbortSignal.timeout(20_000);
  expect((await dialler.deliver(claimedLead(), signal, noContext)).pause).toBeDefined();
  expect(await dialler.find?.(claimedLead(), signal)).toMatchObject({ failure: { pause: {} } });
  expect(vicidial.failedLogins).toBe(3);
  vicidial.password = 'correct horse';
  dialler.requests?.resume();
  expect(await dialler.deliver(claimedLead(), signal, noContext)).toMatchObject({ outcome: 'delivered' });
});
