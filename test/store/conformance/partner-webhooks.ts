/** The webhooks of partners, and the claims of the events that are sent to them. */
import { expect } from 'vitest';
import { deliverDue, leadsIn } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, type Open, tableNamed } from './behaviour.ts';

const url = 'https://hooks.example/leads';
const salt = { salt: 'one', keyId: 'key' };

/** Fills a store with a webhook of the first partner, and events of delivered leads. */
async function withEvents(open: Open, count: number) {
  const all = await seeded(open());
  const { store, first, from } = all;
  await store.setWebhook('first', url, salt);
  const addAndDeliver = async (mobile: string) => {
    await store.submit(from(first.id, { mobile }));
    await deliverDue(store);
  };
  for (let n = 0; n < count; n += 1) await addAndDeliver(`+4478402588${n + 10}`);
  const claim = (name: string, limit = 10, lease = 60_000) =>
    store.claimEvents({ partnerId: first.id, claim: name, limit, lease });
  const attempt = (eventId: string, nextAttemptAt: number | null, outcome: 'delivered' | 'failed') => {
    return { eventId, startedAt: 1, endedAt: 2, outcome, response: 'HTTP 500', nextAttemptAt };
  };
  return { ...all, addAndDeliver, claim, attempt };
}

export const partnerWebhooks: Behaviours = {
  'sets, changes, rotates and removes a webhook': async (open) => {
    const { store, first } = await seeded(open());
    const webhook = async () => (await store.webhooks())[0];
    expect(await store.setWebhook('first', url, salt)).toBe(true);
    expect(await store.setWebhook('first', 'https://other.example/', { salt: 'two', keyId: 'key' })).toBe(
      false,
    );
    const set = { partnerId: first.id, partner: 'first', url: 'https://other.example/', current: salt };
    expect(await webhook()).toMatchObject({ ...set, previous: undefined, previousUntil: null, waiting: 0 });
    const next = { salt: 'three', keyId: 'key' };
    await store.rotateWebhook('first', next, Date.now() + 60_000);
    expect(await webhook()).toMatchObject({ ...set, current: next, previous: salt });
    await store.rotateWebhook('first', { salt: 'four', keyId: 'key' }, Date.now() - 1);
    expect(await webhook()).toMatchObject({ previous: undefined, previousUntil: null });
    await store.removeWebhook('first');
    expect(await store.webhooks()).toEqual([]);
    for (const call of [store.removeWebhook('first'), store.rotateWebhook('first', salt, 1)]) {
      await expect(call).rejects.toThrow('Partner "first" has no webhook.');
    }
    await expect(store.setWebhook('nobody', url, salt)).rejects.toThrow('Partner "nobody" does not exist.');
  },

  'claims each event once, in order, until its lease ends': async (open) => {
    const { store, claim } = await withEvents(open, 3);
    const leads = (await leadsIn(store)).map(({ id }) => id).toSorted();
    expect((await store.dueWebhooks()).map(({ partner }) => partner)).toEqual(['first']);
    const first = await claim('one', 2);
    expect(first.map(({ leadId }) => leadId)).toEqual(leads.slice(0, 2));
    expect(first[0]).toMatchObject({ kind: 'lead.dialled', type: 'motor', state: 'dialled', attempts: 0 });
    expect((await claim('two', 5, -1)).map(({ leadId }) => leadId)).toEqual(leads.slice(2));
    // Its lease has ended.
    expect((await claim('three')).map(({ leadId }) => leadId)).toEqual(leads.slice(2));
    expect(await store.dueWebhooks()).toEqual([]);
  },

  'records attempts, and repeats failed ones until none is left': async (open) => {
    const { store, claim, attempt } = await withEvents(open, 2);
    const [one, other] = await claim('one');
    const [id, otherId] = [one?.id ?? '', other?.id ?? ''];
    await store.recordWebhookAttempts('one', [
      attempt(id, Date.now() - 1, 'failed'),
      attempt(otherId, null, 'delivered'),
    ]);
    expect((await claim('two')).map((event) => [event.id, event.attempts])).toEqual([[id, 1]]);
    await store.recordWebhookAttempts('another', [attempt(id, null, 'delivered')]);
    expect(await store.webhooks()).toMatchObject([{ waiting: 1, failed: 0 }]);
    await store.recordWebhookAttempts('two', [attempt(id, null, 'failed')]);
    expect(await store.webhooks()).toMatchObject([{ waiting: 0, waitingSince: null, failed: 1 }]);
    const attempts = await store.webhookAttempts('first', 10);
    expect(attempts.map(({ eventId, outcome }) => [eventId, outcome])).toEqual([
      [id, 'failed'],
      [id, 'delivered'],
      [otherId, 'delivered'],
      [id, 'failed'],
    ]);
    expect(attempts[0]).toMatchObject({ partner: 'first', leadId: one?.leadId, kind: 'lead.dialled' });
    expect(await store.webhookAttempts('second', 10)).toEqual([]);
    expect(await store.webhookAttempts(undefined, 1)).toHaveLength(1);
  },

  'sends failed events again, or one': async (open) => {
    const { store, claim, attempt } = await withEvents(open, 2);
    const [one, other] = await claim('one');
    const [id, otherId] = [one?.id ?? '', other?.id ?? ''];
    await store.recordWebhookAttempts('one', [
      attempt(id, null, 'failed'),
      attempt(otherId, null, 'delivered'),
    ]);
    expect(await store.resendEvents('first', undefined)).toBe(1);
    expect((await claim('two')).map((event) => [event.id, event.attempts])).toEqual([[id, 0]]);
    expect(await store.resendEvents('first', otherId)).toBe(1);
    expect((await claim('three')).map((event) => event.id)).toEqual([otherId]);
    await expect(store.resendEvents('first', 'evt_none')).rejects.toThrow('has no event "evt_none"');
    await expect(store.resendEvents('second', otherId)).rejects.toThrow('has no webhook');
  },

  'sends the results of calls, and nothing that happened before the webhook was set or after it was removed':
    async (open) => {
      const { store, addAndDeliver, claim } = await withEvents(open, 1);
      const [lead] = await leadsIn(store);
      const call = { leadId: lead?.id ?? '', callId: 'call', code: 'NI', result: 'not-interested' } as const;
      const times = { calledAt: 1, talkTime: null, receivedAt: Date.now() };
      await store.recordCallResult({ ...call, ...times, dialler: 'vicidial', types: undefined });
      expect((await claim('one')).map(({ kind }) => kind)).toEqual(['lead.dialled', 'lead.result']);
      await store.removeWebhook('first');
      await addAndDeliver('+447840258899');
      await store.setWebhook('first', url, salt);
      expect(await claim('two')).toEqual([]);
      const rows = await store.rows(tableNamed('partner_event'), undefined, 10);
      expect(rows).toHaveLength(3);
    },

  'keeps the events of a suspended partner, and drops those of a deleted one': async (open) => {
    const { store } = await withEvents(open, 1);
    await store.suspendPartner('first');
    expect(await store.dueWebhooks()).toEqual([]);
    await store.resumePartner('first');
    expect(await store.dueWebhooks()).toHaveLength(1);
    await store.deletePartner('first');
    expect(await store.webhooks()).toEqual([]);
  },
};
