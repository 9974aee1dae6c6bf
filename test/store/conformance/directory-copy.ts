/** The copy of partners, lead types and grants in a store with test data. */
import { expect } from 'vitest';
import { newSubmission } from '../../harness/submissions.ts';
import { type Behaviours, person } from './behaviour.ts';

const second = 1_000;

export const directoryCopy: Behaviours = {
  'copies partners, lead types and grants with their ids, and follows their changes': async (open) => {
    const live = await open();
    const copy = await open();
    await live.addType('one', null);
    await live.addType('two', 5 * second);
    await live.addPartner('first', []);
    const { id } = await live.addPartner('broker', ['one', 'two']);
    await live.setWithdraws('two', true);
    await copy.copyDirectory(await live.directory(), 60 * second);
    expect(await copy.directory()).toEqual(await live.directory());
    expect(await Array.fromAsync(copy.types())).toMatchObject([
      { name: 'one', recontactAfter: 60 * second, callingHours: 'always', withdraws: false },
      { name: 'two', recontactAfter: 60 * second, callingHours: 'always', withdraws: true },
    ]);
    const sent = { partnerId: id, ...person, type: 'two', receivedAt: Date.now(), delays: 0, content: '{}' };
    expect(await copy.submit(newSubmission(sent))).toMatchObject({ outcome: 'accepted' });

    await live.renameType('one', 'other');
    await live.renameType('two', 'third');
    await live.revokeType('broker', 'other');
    await live.retireType('third');
    await copy.copyDirectory(await live.directory(), 60 * second);
    expect(await copy.directory()).toEqual(await live.directory());
    expect(await copy.isGranted(id, 'one')).toBe(false);
    expect(await copy.isGranted(id, 'two')).toBe(false);
  },

  'copies the directory of a new store in whose place another one was': async (open) => {
    const copy = await open();
    await copy.addType('motor', null);
    await copy.addPartner('broker', ['motor']);
    const directory = {
      partners: [{ id: 7, name: 'broker', created_at: 1 }],
      types: [{ id: 8, name: 'motor', created_at: 1, retired_at: null, withdraws: 0 }],
      aliases: [],
      grants: [{ partner_id: 7, type_id: 8, revoked_at: null }],
    };
    await copy.copyDirectory(directory, second);
    expect(await copy.isGranted(7, 'motor')).toBe(true);
    expect((await copy.directory()).partners.map(({ id }) => id)).toEqual([1, 7]);
  },

  'copies two lead types that have exchanged their names': async (open) => {
    const live = await open();
    const copy = await open();
    for (const name of ['one', 'two']) await live.addType(name, null);
    await copy.copyDirectory(await live.directory(), second);
    const { types, ...others } = await live.directory();
    const exchanged = types.map(({ name, ...type }) => ({ ...type, name: name === 'one' ? 'two' : 'one' }));
    await copy.copyDirectory({ ...others, types: exchanged }, second);
    expect((await copy.directory()).types).toEqual(exchanged);
  },
};
