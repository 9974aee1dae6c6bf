/** Lead types that are changed, renamed and retired. */
import { expect } from 'vitest';
import { UserError } from '../../../src/errors/user-error.ts';
import { cancel, claim, deliverDue, leadsIn } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, hour, person, setClock } from './behaviour.ts';

export const leadTypes: Behaviours = {
  'applies a changed re-contact period to people dialled before': async (open) => {
    const { store, first, from } = await seeded(open());
    const other = { mobile: '+447840258824' };
    await store.submit(from(first.id));
    await store.submit(from(first.id, other));
    await deliverDue(store);
    await setClock(Date.now() + hour);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'existing-contact' });
    await store.setRecontactAfter('motor', hour / 2);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
    await store.setRecontactAfter('motor', null);
    expect(await store.submit(from(first.id, other))).toMatchObject({ outcome: 'existing-contact' });
    await expect(store.setRecontactAfter('nothing', null)).rejects.toThrow(UserError);
  },

  'returns the names of types that require consent, for each partner that can add leads': async (open) => {
    const { store, first, second } = await seeded(open());
    expect(await store.consentRules()).toEqual([]);
    await store.setConsentRequired('motor', true);
    await store.renameType('motor', 'car');
    await store.revokeType('second', 'car');
    const rules = (await store.consentRules()).toSorted((one, other) => one.type.localeCompare(other.type));
    expect(rules).toEqual([
      { partnerId: first.id, type: 'car' },
      { partnerId: first.id, type: 'motor' },
    ]);
    expect(await Array.fromAsync(store.types())).toMatchObject([{ name: 'car', consentRequired: true }]);
    await store.grantType('second', 'car');
    expect(await store.consentRules()).toContainEqual({ partnerId: second.id, type: 'car' });
    await store.retireType('car');
    expect(await store.consentRules()).toEqual([]);
    await store.unretireType('car');
    await store.setConsentRequired('motor', false);
    expect(await store.consentRules()).toEqual([]);
    await expect(store.setConsentRequired('nothing', true)).rejects.toThrow(UserError);
  },

  'treats the former names of a renamed type as the same type in every request': async (open) => {
    const { store, first, second, from } = await seeded(open());
    await store.submit(from(first.id));
    await store.renameType('motor', 'car');
    await store.renameType('motor', 'vehicle');
    const otherPerson = { mobile: '+447840258824' };
    for (const type of ['motor', 'car', 'vehicle']) {
      expect(await store.isGranted(first.id, type)).toBe(true);
      expect(await store.submit(from(second.id, { type }))).toMatchObject({ outcome: 'already-scheduled' });
      const status = await store.leadStatus({ partnerId: first.id, ...person, type });
      expect(status).toMatchObject({ state: 'scheduled' });
      expect(await store.submit(from(first.id, { ...otherPerson, type }))).toMatchObject({
        outcome: 'accepted',
      });
      const request = { partnerId: first.id, ...otherPerson, type };
      expect(await cancel(store, request)).toMatchObject({ outcome: 'cancelled' });
      expect(await Array.fromAsync(store.leads({ type, state: 'scheduled' }, 10))).toMatchObject([
        { type: 'vehicle' },
      ]);
    }
    expect(await Array.fromAsync(store.types())).toMatchObject([
      { name: 'vehicle', formerNames: ['car', 'motor'], partners: ['first', 'second'] },
    ]);
    expect((await Array.fromAsync(store.partners()))[0]).toMatchObject({ types: ['vehicle'] });
    expect(await Array.fromAsync(store.dueLeads(10))).toMatchObject([{ type: 'vehicle' }]);
    expect(await claim(store, 'test')).toMatchObject([{ type: 'vehicle' }]);
  },

  'uses no name for two types, and can give a type a former name of its own back': async (open) => {
    const { store } = await seeded(open());
    await store.addType('home', null);
    await store.renameType('motor', 'car');
    const isFormer = '"motor" is a former name of lead type "car"';
    await expect(store.addType('motor', null)).rejects.toThrow(isFormer);
    await expect(store.renameType('home', 'motor')).rejects.toThrow(isFormer);
    await expect(store.renameType('home', 'car')).rejects.toThrow('Lead type "car" already exists.');
    await expect(store.renameType('motor', 'car')).rejects.toThrow('is already named "car"');
    await expect(store.renameType('nothing', 'pet')).rejects.toThrow(UserError);
    const named = (await Array.fromAsync(store.types())).map(({ name, formerNames }) => [name, formerNames]);
    expect(named).toEqual([
      ['car', ['motor']],
      ['home', []],
    ]);
    await store.renameType('car', 'motor');
    expect(await Array.fromAsync(store.types())).toMatchObject([
      { name: 'home', formerNames: [] },
      { name: 'motor', formerNames: ['car'] },
    ]);
  },

  'gives a name to one type only if it is renamed and added at once': async (open) => {
    const { store } = await seeded(open());
    const outcomes = await Promise.allSettled([
      store.renameType('motor', 'car'),
      store.addType('motor', null),
      store.addType('car', null),
    ]);
    const types = await Array.fromAsync(store.types());
    const names = types.flatMap(({ name, formerNames }) => [name, ...formerNames]);
    expect(new Set(names).size, JSON.stringify([outcomes, types])).toBe(names.length);
  },

  'pauses a renamed type under its new name, before and after': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'maintenance' });
    await store.renameType('motor', 'car');
    expect(await store.pauses()).toMatchObject([{ type: 'car' }]);
    expect(await claim(store, 'one')).toEqual([]);
    expect(await store.resumeDelivery('motor')).toMatchObject([{ type: 'car' }]);
    await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'maintenance' });
    expect(await store.pauses()).toMatchObject([{ type: 'car' }]);
    expect(await claim(store, 'one')).toEqual([]);
    expect(await store.resumeDelivery('car')).toHaveLength(1);
    expect(await claim(store, 'two')).toMatchObject([{ type: 'car' }]);
  },

  'counts a later cancellation under any name of the type before a re-run or retry': async (open) => {
    for (const [sent, cancelledAs] of [
      ['motor', 'car'],
      ['car', 'motor'],
    ] as const) {
      const { store, first, from } = await seeded(open());
      await store.renameType('motor', 'car');
      const submission = from(first.id, { type: sent });
      await store.submit(submission);
      await deliverDue(store, 'rejected');
      const [failed] = await leadsIn(store);
      await cancel(store, { partnerId: first.id, ...person, type: cancelledAs });
      await store.addType('other', null);
      await store.grantType('first', 'other');
      await cancel(store, { partnerId: first.id, ...person, type: 'other' });
      await expect(store.rerunSubmission(submission.id)).rejects.toThrow('requested a cancellation');
      const { cancellations } = await store.rerunSubmission(submission.id, true);
      expect(cancellations).toMatchObject([{ type: cancelledAs, outcome: 'cancelled', leadId: failed?.id }]);
    }
  },

  'accepts no more leads of a retired type until it is unretired, and cancels and delivers those that it has':
    async (open) => {
      const { store, first, second, from } = await seeded(open());
      await store.submit(from(first.id));
      await store.submit(from(second.id, { mobile: '+447840258824' }));
      await store.retireType('motor');
      await store.retireType('motor');
      const later = from(first.id, { mobile: '+447840258825' });
      expect(await store.isGranted(first.id, 'motor')).toBe(false);
      expect(await store.submit(later)).toMatchObject({ outcome: 'unknown-type' });
      expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({ outcome: 'cancelled' });
      expect(await claim(store, 'test')).toMatchObject([{ mobile: '+447840258824' }]);
      expect(await Array.fromAsync(store.types())).toMatchObject([
        { name: 'motor', retiredAt: expect.any(Number), partners: ['first', 'second'] },
      ]);
      await expect(store.addPartner('third', ['motor'])).rejects.toThrow('Lead type "motor" is retired.');
      await store.unretireType('motor');
      expect((await store.rerunSubmission(later.id)).outcome).toBe('accepted');
      await expect(store.unretireType('motor')).rejects.toThrow('Lead type "motor" is not retired.');
      await expect(store.retireType('nothing')).rejects.toThrow(UserError);
    },
};
