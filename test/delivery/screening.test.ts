/** No number is delivered that a registry or the screening service lists, or that could not be screened. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { deliveryPermission } from '../../src/delivery/delivery-rules.ts';
import type { Dialler } from '../../src/delivery/dialler.ts';
import { createHttpScreening } from '../../src/delivery/screening/http.ts';
import type { ScreeningService } from '../../src/delivery/screening.ts';
import { phoneParsers } from '../../src/leads/phone.ts';
import type { ClaimedLead } from '../../src/store/delivery.ts';
import type { Store } from '../../src/store/store.ts';
import { dispatch, until, untilAll } from '../harness/dispatch.ts';
import { mobileOf } from '../harness/mobile.ts';
import { claim, leadsIn } from '../harness/server.ts';
import { seeded, stores } from '../store/stores.ts';

const mobile = '+447840258823';
const other = '+447840258824';
const hour = 3_600_000;
const day = 24 * hour;

/** A dialler that records the content of what it receives. */
function recordingDialler() {
  const received: ClaimedLead[] = [];
  const dialler: Dialler = {
    name: 'test',
    deliver: async (lead) => {
      received.push(lead);
      return { outcome: 'delivered', response: 'delivered' };
    },
  };
  return { dialler, received };
}

/** What the service responds to a request: a status and a body, or nothing. */
type Answer = (numbers: string[]) => { status?: number; body: unknown } | undefined;

/** Starts a screening service. Its requests are recorded. */
async function startService(answer: Answer) {
  const requests: { numbers: string[]; authorization: string | undefined }[] = [];
  const current = { answer };
  const server = createServer(async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { numbers } = JSON.parse(Buffer.concat(chunks).toString());
    requests.push({ numbers, authorization: request.headers.authorization });
    const answered = current.answer(numbers);
    if (answered === undefined) return;
    const { status = 200, body } = answered;
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  // The cast: the server listens on a port.
  const { port } = server.address() as AddressInfo;
  const environment = { SCREENING_URL: `http://127.0.0.1:${port}/`, SCREENING_SECRET: 'secret' };
  return { requests, current, service: createHttpScreening(environment) };
}

/** Lists some numbers, and no others. */
function listing(...listed: string[]): Answer {
  return (numbers) => ({
    body: { results: numbers.map((number) => ({ number, listed: listed.includes(number), lists: [] })) },
  });
}

async function importList(store: Store, registry: string, datedAt: number, ...mobiles: string[]) {
  const id = await store.beginRegistryList(registry, datedAt, undefined);
  await store.addToRegistryList(id, mobiles);
  await store.completeRegistryList(id);
}

describe.each(stores)('with $name', ({ open }) => {
  async function storeWith(content: object = {}) {
    const all = await seeded(open());
    await all.store.submit(all.from(all.first.id, { content: JSON.stringify(content) }));
    return all;
  }

  async function basisOf(store: Store): Promise<unknown> {
    await store.appendEvidence({ key: undefined, parsePhone: () => undefined, limit: 100 });
    const deliveries = (await store.evidenceOf(mobile)).filter(({ kind }) => kind === 'delivery');
    return JSON.parse(deliveries.at(-1)?.content ?? '{}').basis;
  }

  async function refusals(store: Store, number: string): Promise<unknown[]> {
    await store.appendEvidence({ key: undefined, parsePhone: () => undefined, limit: 100 });
    const entries = await store.evidenceOf(number);
    return entries.filter(({ kind }) => kind === 'screening').map(({ content }) => JSON.parse(content ?? ''));
  }

  describe('a registry that the type requires', () => {
    test('makes leads wait while it has no list, or an outdated one, with a reason', async () => {
      const { store } = await storeWith();
      await store.setScreening('motor', { registries: ['tps'] });
      const { dialler, received } = recordingDialler();
      const dispatcher = dispatch(store, dialler);
      await until(async () => expect(await leadsIn(store)).toMatchObject([{ waitsFor: 'registry' }]));
      expect(dispatcher.status()).toMatchObject({
        state: 'running',
        reason:
          'Lead types wait for a registry. There is no list of tps. Import a current one with `leads suppression import --registry`.',
      });
      await importList(store, 'tps', Date.now() - 29 * day);
      // Servers know a new list within a second.
      await until(async () => {
        await store.reconsiderScreened(Date.now());
        expect(dispatcher.status().reason).toContain('There is only a list of tps of ');
      });
      await until(async () => expect(await leadsIn(store)).toMatchObject([{ waitsFor: 'registry' }]));
      expect(received).toEqual([]);
      const date = Date.now() - day;
      await importList(store, 'tps', date);
      await until(async () => {
        await store.reconsiderScreened(Date.now());
        expect(received).toHaveLength(1);
      });
      await untilAll(store, 'dialled');
      expect(dispatcher.status().reason).toBeUndefined();
      const registries = { tps: new Date(date).toISOString().slice(0, 10) };
      expect(await basisOf(store)).toMatchObject({ registries });
    });

    test('suppresses leads whose number it lists since they were added, with evidence', async () => {
      const { store } = await storeWith();
      await store.setScreening('motor', { registries: ['tps'] });
      await importList(store, 'tps', Date.now(), mobile);
      const { dialler, received } = recordingDialler();
      dispatch(store, dialler);
      const [lead] = await untilAll(store, 'suppressed');
      expect(received).toEqual([]);
      const lists = { tps: new Date().toISOString().slice(0, 10) };
      expect(await refusals(store, mobile)).toEqual([{ lead_id: lead?.id, lists, result: 'suppressed' }]);
    });

    test('leaves out the other phone number if it lists only that', async () => {
      const { store } = await storeWith({ first_name: 'John', other_phone: '07840 258824' });
      await store.setScreening('motor', { registries: ['tps'] });
      await importList(store, 'tps', Date.now(), other);
      const { dialler, received } = recordingDialler();
      dispatch(store, dialler);
      await untilAll(store, 'dialled');
      expect(received.map(({ content }) => JSON.parse(content))).toEqual([{ first_name: 'John' }]);
      const [attempt] = await Array.fromAsync(store.attempts(mobile));
      expect(attempt?.response).toContain('other_phone was left out, because a registry lists it');
      expect(await refusals(store, other)).toMatchObject([{ result: 'other-phone-left-out' }]);
    });

    test('does not prevent the call of a person who asked for it, if the type permits that', async () => {
      const { store } = await storeWith({ consent_text: 'Call me', consent_at: '2026-11-01T10:00:00Z' });
      await store.setScreening('motor', { registries: ['tps'], registryOverride: true });
      await importList(store, 'tps', Date.now(), mobile);
      const { dialler } = recordingDialler();
      dispatch(store, dialler);
      await untilAll(store, 'dialled');
      expect(await basisOf(store)).toMatchObject({ overridden_by_consent: ['tps'] });
    });

    test('never delivers a number that an import lists while leads are added and delivered', async () => {
      const { store, first, from } = await seeded(open());
      await store.setScreening('motor', { registries: ['tps'] });
      await importList(store, 'tps', Date.now() - day);
      const { dialler, received } = recordingDialler();
      dispatch(store, dialler, { concurrency: 1 });
      const mobiles = Array.from({ length: 60 }, (_, person) => mobileOf(person));
      let completedAt = 0;
      const importing = async () => {
        const id = await store.beginRegistryList('tps', Date.now(), undefined);
        for (const each of mobiles) await store.addToRegistryList(id, [each]);
        await store.completeRegistryList(id);
        completedAt = received.length;
      };
      const adding = async () => {
        for (const each of mobiles) await store.submit(from(first.id, { mobile: each }));
      };
      await Promise.all([importing(), adding()]);
      await until(async () => {
        const leads = await leadsIn(store);
        expect(leads.every(({ state }) => state === 'dialled' || state === 'suppressed')).toBe(true);
      });
      // An attempt starts up to two seconds after its claim: those of the claim in progress may still start.
      expect(received.length).toBeLessThanOrEqual(completedAt + 1);
      expect(await store.submit(from(first.id, { mobile: mobiles[0] ?? '' }))).toMatchObject({
        outcome: 'do-not-call',
      });
    });
  });

  describe('the screening service', () => {
    test('is asked once about the numbers of a claim, and permits those that it does not list', async () => {
      const { store, first, from } = await storeWith({ other_phone: '07840 258824' });
      await store.submit(from(first.id, { mobile: mobileOf(1), content: '{}' }));
      const { requests, service } = await startService(listing(mobileOf(1), other));
      const { dialler, received } = recordingDialler();
      dispatch(store, dialler, { screening: service });
      await until(async () => {
        const states = (await leadsIn(store)).map(({ state }) => state);
        expect(states.toSorted()).toEqual(['dialled', 'suppressed']);
      });
      expect(received.map(({ content }) => content)).toEqual(['{}']);
      const asked = requests.flatMap(({ numbers }) => numbers);
      expect(asked.toSorted()).toEqual([mobile, other, mobileOf(1)].toSorted());
      expect(requests[0]?.authorization).toBe('Bearer secret');
      expect(await basisOf(store)).toMatchObject({ screening: { http: expect.stringMatching(/^20/) } });
      expect(await refusals(store, mobileOf(1))).toMatchObject([{ result: 'suppressed' }]);
      expect(await refusals(store, other)).toMatchObject([{ result: 'other-phone-left-out' }]);
    });

    test('is not asked again until a result expires', async () => {
      const { store } = await storeWith();
      const { requests, service } = await startService(listing());
      const result = { mobile, isListed: false, lists: [], checkedAt: 1, expiresAt: Date.now() + hour };
      await store.saveScreenings('http', [result]);
      const { dialler } = recordingDialler();
      dispatch(store, dialler, { screening: service });
      await untilAll(store, 'dialled');
      expect(requests).toEqual([]);
    });

    test.each<[string, Answer]>([
      ['fails', () => ({ status: 500, body: 'no' })],
      ['redirects', () => ({ status: 302, body: '' })],
      ['sends no JSON', () => ({ body: 'listed' })],
      ['sends too much', () => ({ body: ' '.repeat(300_000) })],
      ['does not mention the number', () => ({ body: { results: [] } })],
      ['reports neither', (numbers) => ({ body: { results: numbers.map((number) => ({ number })) } })],
      [
        'sends an expired result',
        (numbers) => ({
          body: { results: numbers.map((number) => ({ number, listed: false, expires_at: '2020-01-01' })) },
        }),
      ],
      ['does not respond', () => undefined],
    ])('makes leads wait if it %s, and delivers them once it works', async (_what, answer) => {
      const { store } = await storeWith();
      const { requests, current, service } = await startService(answer);
      const { dialler, received } = recordingDialler();
      const dispatcher = dispatch(store, dialler, { screening: service });
      await until(async () => expect(await leadsIn(store)).toMatchObject([{ waitsFor: 'screening' }]));
      expect(dispatcher.status().reason).toMatch(/^The screening service (is unavailable: |did not report)/);
      expect(received).toEqual([]);
      expect(requests.length).toBeLessThan(4);
      current.answer = listing();
      await until(async () => {
        await store.reconsiderScreened(Date.now());
        expect(received).toHaveLength(1);
      });
      await untilAll(store, 'dialled');
      expect(await leadsIn(store)).toMatchObject([{ attempts: 1 }]);
      expect(dispatcher.status().reason).toBeUndefined();
    });

    test('makes DIAL_WITHIN leave out the time in which it is unavailable, and no other', async () => {
      const { store } = await storeWith();
      const [lead] = await claim(store, 'test');
      if (lead === undefined) throw new Error('No lead was claimed.');
      vi.useFakeTimers({ toFake: ['Date', 'performance'], now: lead.dueAt });
      onTestFinished(() => void vi.useRealTimers());
      let isAvailable = false;
      const screen: ScreeningService['screen'] = async ([number = '']) => {
        const times = { checkedAt: Date.now(), expiresAt: Date.now() + 1 };
        return isAvailable
          ? { screened: [{ number, isListed: false, lists: [], ...times }] }
          : { failure: 'HTTP 503' };
      };
      const permission = deliveryPermission({
        store,
        parsePhone: phoneParsers('GB').parse,
        defaultCountry: 'GB',
        callsPerDay: undefined,
        dialWithin: hour,
        screening: { name: 'http', screen },
      });
      const decide = async () => (await permission.decide([lead]))[0];
      for (const end = Date.now() + 3 * hour; Date.now() < end; ) {
        const decision = await decide();
        if (decision?.outcome !== 'wait') throw new Error('The lead was not made to wait.');
        vi.advanceTimersByTime(decision.until - Date.now() + 100);
      }
      isAvailable = true;
      expect(await decide()).toMatchObject({ outcome: 'deliver' });
      vi.advanceTimersByTime(hour / 2);
      expect(await decide()).toMatchObject({ outcome: 'deliver' });
      vi.advanceTimersByTime(hour);
      expect(await decide()).toMatchObject({ outcome: 'too-late' });
    });

    test('is not asked about types without screening, and those that require it wait without a service', async () => {
      const { store, first, from } = await storeWith();
      await store.addType('home', null);
      await store.grantType('first', 'home');
      await store.submit(from(first.id, { type: 'home' }));
      await store.setScreening('motor', { screening: 'off' });
      await store.setScreening('home', { screening: 'on' });
      const { dialler, received } = recordingDialler();
      dispatch(store, dialler);
      await until(async () => {
        const leads = await leadsIn(store);
        expect(leads.find(({ type }) => type === 'home')).toMatchObject({ waitsFor: 'screening' });
        expect(leads.find(({ type }) => type === 'motor')).toMatchObject({ state: 'dialled' });
      });
      expect(received).toHaveLength(1);
    });
  });
});
