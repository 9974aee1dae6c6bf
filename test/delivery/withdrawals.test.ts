/** Cancelled leads are withdrawn from the dialler, whichever server received the request and whatever happens meanwhile. */
import { describe, expect, onTestFinished, test } from 'vitest';
import type { DiallerState } from '../../src/delivery/dialler-state.ts';
import { Withdrawer, type WithdrawerOptions } from '../../src/delivery/withdrawer.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { post, send } from '../harness/client.ts';
import { requestValue, responseValue } from '../harness/contract.ts';
import { dispatch, secret, until, untilAll, webhookTo } from '../harness/dispatch.ts';
import {
  accept,
  type Behaviour,
  holdRequests,
  type Receiver,
  respondWith,
  startReceiver,
} from '../harness/receiver.ts';
import { recordingLog } from '../harness/recording-log.ts';
import { leadsIn, serve, type TestServer } from '../harness/server.ts';
import { operatorEntry } from '../harness/suppressions.ts';
import { closeAfterTest, sharedStores } from '../store/stores.ts';

const lead = requestValue('addLead', 'accepted');
const wanted = requestValue('cancelLead', 'cancelled');
const cancelled = responseValue('cancelLead', 200, 'cancelled');
const alreadyProcessed = responseValue('cancelLead', 200, 'already-processed');

type Server = Omit<TestServer, 'file'>;

/** Handles withdrawals in one way, and deliveries in another. */
function onWithdrawal(withdraw: Behaviour, deliver: Behaviour = accept): Behaviour {
  return (received, ...rest) => {
    const { type } = JSON.parse(received.body);
    (type === 'lead.withdraw' ? withdraw : deliver)(received, ...rest);
  };
}

function withdrawalsOf(receiver: Receiver): number {
  return receiver.received.filter(({ body }) => JSON.parse(body).type === 'lead.withdraw').length;
}

/** Withdraws the leads of a store with the shortest possible delays, until the test ends. */
function withdraw(
  store: Store,
  receiver: Receiver,
  { state, ...options }: Partial<Omit<WithdrawerOptions, 'state'>> & { state?: Partial<DiallerState> } = {},
) {
  const { log, lines } = recordingLog();
  const dialler = webhookTo(receiver.url, secret, { DIALLER_WITHDRAW: 'on' });
  const dispatcher = dispatch(store, dialler);
  const withdrawer = new Withdrawer({
    store,
    dialler,
    log,
    state: { ...dispatcher.diallerState, ...state },
    concurrency: 4,
    timeout: 10_000,
    retrySchedule: [1, 1],
    ...options,
  });
  onTestFinished(() => withdrawer.stop());
  return { withdrawer, dispatcher, lines };
}

describe.each(sharedStores)('$name', ({ newUrl }) => {
  /** A server that delivers nothing, and a store of another process, which does. The type withdraws leads. */
  async function deployment(behave: Behaviour = accept) {
    const url = await newUrl();
    const server: Server = await serve(await openStore(url));
    const store = closeAfterTest(await openStore(url));
    await store.setWithdraws(server.type, true);
    return { server, store, receiver: await startReceiver(behave) };
  }

  async function addDialled(server: Server): Promise<void> {
    await post(server, 'addLead', lead);
    await untilAll(server.store, 'dialled');
  }

  const status = async (server: Server) => (await post(server, 'leadStatus', wanted)).json;

  test('responds that a lead is cancelled once the dialler of another process has confirmed it', async () => {
    const { server, store, receiver } = await deployment();
    withdraw(store, receiver);
    await addDialled(server);
    expect((await post(server, 'cancelLead', wanted)).json).toEqual(cancelled);
    expect(withdrawalsOf(receiver)).toBe(1);
    expect(await status(server)).toMatchObject({ state: 'cancelled', withdrawal: 'withdrawn' });
    expect(await Array.fromAsync(store.cancellations('+447840258823'))).toMatchObject([
      { outcome: 'cancelled' },
    ]);
    expect((await post(server, 'addLead', lead)).json).toEqual(responseValue('addLead', 200, 'accepted'));
  });

  test('responds already processed as soon as the dialler has reported that it is too late', async () => {
    const { server, store, receiver } = await deployment(onWithdrawal(respondWith(409)));
    withdraw(store, receiver);
    await addDialled(server);
    const { json, headers } = await post(server, 'cancelLead', wanted);
    expect([json, headers['lead-outcome']]).toEqual([alreadyProcessed, 'already-processed']);
    expect(await status(server)).toMatchObject({ state: 'dialled', withdrawal: 'too-late' });
  });

  test('responds after two seconds while the dialler is slow, and keeps that response', async () => {
    const held = holdRequests(accept);
    const { server, store, receiver } = await deployment(onWithdrawal(held.hold));
    withdraw(store, receiver);
    await addDialled(server);
    const request = { headers: { 'Idempotency-Key': 'slow' }, body: wanted };
    const begun = performance.now();
    const responding = send(server, 'cancelLead', request);
    await until(() => expect(held.count()).toBe(1));
    // Requests of others are not delayed meanwhile.
    const other = await post(server, 'cancelLead', { ...wanted, mobile: '07840258824' });
    expect(other.json).toEqual(responseValue('cancelLead', 200, 'not-found'));
    expect(performance.now() - begun).toBeLessThan(2_000);
    expect((await responding).json).toEqual(alreadyProcessed);
    expect(await status(server)).toMatchObject({ state: 'dialled', withdrawal: 'pending' });
    held.release();
    await until(async () => expect(await status(server)).toMatchObject({ state: 'cancelled' }));
    const again = await send(server, 'cancelLead', request);
    expect([again.json, again.headers['idempotent-replayed']]).toEqual([alreadyProcessed, 'true']);
  });

  test('gives a request and its repeat on another server the same response', async () => {
    const held = holdRequests(accept);
    const { server, store, receiver } = await deployment(onWithdrawal(held.hold));
    const second = await serve(store, {}, server);
    withdraw(store, receiver);
    await addDialled(server);
    const request = { headers: { 'Idempotency-Key': 'twice' }, body: wanted };
    const first = send(server, 'cancelLead', request);
    await until(() => expect(held.count()).toBe(1));
    const repeated = send(second, 'cancelLead', request);
    held.release();
    expect((await first).json).toEqual(cancelled);
    expect((await repeated).json).toEqual(cancelled);
    expect(withdrawalsOf(receiver)).toBe(1);
  });

  test('withdraws the lead of a person who objects while an operator has paused delivery', async () => {
    const { server, store, receiver } = await deployment();
    const { dispatcher } = withdraw(store, receiver);
    await addDialled(server);
    await store.pauseDelivery({ type: undefined, by: 'operator', reason: 'maintenance' });
    await until(() => expect(dispatcher.status().state).toBe('paused'));
    await store.addSuppressions([operatorEntry('+447840258823')]);
    await untilAll(store, 'suppressed');
    expect(withdrawalsOf(receiver)).toBe(1);
  });

  test('never sends a lead again that was cancelled during an attempt which failed', async () => {
    const held = holdRequests(respondWith(503));
    const { server, store, receiver } = await deployment(held.hold);
    withdraw(store, receiver);
    await post(server, 'addLead', lead);
    await until(() => expect(held.count()).toBe(1));
    const responding = post(server, 'cancelLead', wanted);
    await until(async () => expect((await leadsIn(store))[0]?.state).toBe('withdrawing'));
    held.release();
    expect((await responding).json).toEqual(cancelled);
    await untilAll(store, 'cancelled');
    expect(receiver.received).toHaveLength(1);
  });

  test('withdraws a lead that was delivered by an attempt in flight', async () => {
    const held = holdRequests(accept);
    const { server, store, receiver } = await deployment(onWithdrawal(accept, held.hold));
    withdraw(store, receiver);
    await post(server, 'addLead', lead);
    await until(() => expect(held.count()).toBe(1));
    const responding = post(server, 'cancelLead', wanted);
    await until(async () => expect((await leadsIn(store))[0]?.state).toBe('withdrawing'));
    expect(withdrawalsOf(receiver)).toBe(0);
    held.release();
    expect((await responding).json).toEqual(cancelled);
    expect(withdrawalsOf(receiver)).toBe(1);
  });

  test('retries, and reports a withdrawal as failed when no attempts are left', async () => {
    const { server, store, receiver } = await deployment(onWithdrawal(respondWith(503)));
    const { lines } = withdraw(store, receiver);
    await addDialled(server);
    expect((await post(server, 'cancelLead', wanted)).json).toEqual(alreadyProcessed);
    await until(async () => expect(await store.withdrawalStats()).toMatchObject({ open: 0, failed: 1 }));
    expect(withdrawalsOf(receiver)).toBe(3);
    expect(await status(server)).toMatchObject({ state: 'dialled', withdrawal: 'failed' });
    expect(lines.filter(({ level }) => level === 'error')).toMatchObject([
      { msg: expect.stringContaining('leads withdrawal resolve') },
    ]);
  });

  test('reports a withdrawal as failed at once if no further attempt can help', async () => {
    const { server, store, receiver } = await deployment();
    const { withdrawer } = withdraw(store, receiver);
    await addDialled(server);
    await withdrawer.stop();
    const response = 'the dialler has no such lead';
    const { lines } = withdraw(store, receiver, {
      dialler: {
        ...webhookTo(receiver.url, secret, { DIALLER_WITHDRAW: 'on' }),
        cancel: async () => ({ outcome: 'unavailable', isOfLead: true, needsOperator: true, response }),
      },
    });
    await post(server, 'cancelLead', wanted);
    await expect.poll(() => status(server)).toMatchObject({ state: 'dialled', withdrawal: 'failed' });
    // No attempt is announced that would only be logged as a warning.
    expect(lines.filter(({ level }) => level !== 'info')).toMatchObject([{ level: 'error', response }]);
  });

  test('does not wait for the retry schedule once the dialler works again', async () => {
    let isDown = true;
    const behave: Behaviour = (...request) => (isDown ? respondWith(503) : accept)(...request);
    const { server, store, receiver } = await deployment(onWithdrawal(behave));
    withdraw(store, receiver, { retrySchedule: [3_600_000] });
    await addDialled(server);
    await post(server, 'cancelLead', wanted);
    const [{ id = '' } = {}] = await leadsIn(store);
    await until(async () => expect(await store.withdrawalOf(id)).toMatchObject({ response: 'HTTP 503' }));
    isDown = false;
    await post(server, 'addLead', { ...lead, mobile: '07840258824' });
    await until(async () => expect(await store.withdrawalOf(id)).toMatchObject({ outcome: 'withdrawn' }));
  });

  test('does not wait for the retry schedule when a server starts', async () => {
    let isDown = true;
    const behave: Behaviour = (...request) => (isDown ? respondWith(503) : accept)(...request);
    const { server, store, receiver } = await deployment(onWithdrawal(behave));
    const { withdrawer } = withdraw(store, receiver, { retrySchedule: [3_600_000] });
    await addDialled(server);
    await post(server, 'cancelLead', wanted);
    const [{ id = '' } = {}] = await leadsIn(store);
    await until(async () => expect(await store.withdrawalOf(id)).toMatchObject({ response: 'HTTP 503' }));
    await withdrawer.stop();
    isDown = false;
    withdraw(store, receiver, {});
    await until(async () => expect(await store.withdrawalOf(id)).toMatchObject({ outcome: 'withdrawn' }));
  });

  test('delays no other lead if the receiver rejects the withdrawal of one', async () => {
    const { server, store, receiver } = await deployment(onWithdrawal(respondWith(400)));
    // As many attempts as open the circuit if each counts as a failure of the dialler.
    const { dispatcher } = withdraw(store, receiver, { retrySchedule: [1, 1, 1, 1, 1, 1] });
    await addDialled(server);
    await post(server, 'cancelLead', wanted);
    await until(async () => expect(await status(server)).toMatchObject({ withdrawal: 'failed' }));
    expect(dispatcher.status()).toMatchObject({ state: 'running' });
  });

  test('withdraws nothing while the leases of attempts in flight are uncertain', async () => {
    const { server, store, receiver } = await deployment();
    let isUncertain = true;
    withdraw(store, receiver, { state: { hasUncertainLeases: () => isUncertain } });
    await addDialled(server);
    expect((await post(server, 'cancelLead', wanted)).json).toEqual(alreadyProcessed);
    expect(withdrawalsOf(receiver)).toBe(0);
    isUncertain = false;
    await untilAll(store, 'cancelled');
  });

  test('responds at once if the dialler cannot withdraw leads', async () => {
    const { server, store, receiver } = await deployment();
    const { cancel: _, ...dialler } = webhookTo(receiver.url);
    withdraw(store, receiver, { dialler });
    await addDialled(server);
    expect((await post(server, 'cancelLead', wanted)).json).toEqual(alreadyProcessed);
    expect(await status(server)).toMatchObject({ state: 'dialled', withdrawal: 'too-late' });
    expect(withdrawalsOf(receiver)).toBe(0);
  });

  test('completes a withdrawal in flight when it stops, and starts no other', async () => {
    const held = holdRequests(accept);
    const { server, store, receiver } = await deployment(onWithdrawal(held.hold));
    const { withdrawer } = withdraw(store, receiver);
    await addDialled(server);
    const responding = post(server, 'cancelLead', wanted);
    await until(() => expect(held.count()).toBe(1));
    const stopped = withdrawer.stop();
    held.release();
    await stopped;
    expect((await responding).json).toEqual(cancelled);
    await post(server, 'addLead', { ...lead, mobile: '07840258824' });
    await until(async () => expect((await leadsIn(store))[0]?.state).toBe('dialled'));
    await post(server, 'cancelLead', { ...wanted, mobile: '07840258824' });
    expect(withdrawalsOf(receiver)).toBe(1);
  });
});
