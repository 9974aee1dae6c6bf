/** Counts of rejected requests. */
import { expect } from 'vitest';
import type { RejectionCount } from '../../../src/store/rejections.ts';
import type { Behaviours } from './behaviour.ts';

const day = Date.UTC(2026, 10, 23);

export const rejections: Behaviours = {
  'adds counts of the same reason and day, and keeps the latest request, in whatever order servers record them':
    async (open) => {
      const store = await open();
      const partner = await store.addPartner('acme', []);
      const counted = (wanted: Partial<RejectionCount>): RejectionCount => ({
        partnerId: partner.id,
        operation: 'addLead',
        outcome: 'validation-failed',
        reason: 'Mobile is not a valid phone number.',
        day,
        count: 1,
        lastAt: day + 1,
        lastRequestId: 'one',
        ...wanted,
      });
      await store.recordRejections([counted({}), counted({ outcome: 'rate-limited', reason: 'Too many.' })]);
      await store.recordRejections([counted({ count: 2, lastAt: day + 3, lastRequestId: 'three' })]);
      await store.recordRejections([counted({ count: 4, lastAt: day + 2, lastRequestId: 'two' })]);
      await store.recordRejections([]);
      const { partnerId: _, ...group } = counted({ count: 7, lastAt: day + 3, lastRequestId: 'three' });
      expect(await Array.fromAsync(store.rejections('acme', 10))).toEqual([
        { ...group, partner: 'acme' },
        {
          ...group,
          partner: 'acme',
          outcome: 'rate-limited',
          reason: 'Too many.',
          count: 1,
          lastAt: day + 1,
          lastRequestId: 'one',
        },
      ]);
      expect(await Array.fromAsync(store.rejections(undefined, 1))).toHaveLength(1);
    },

  'lists the rejected requests of one partner, and deletes those of earlier days': async (open) => {
    const store = await open();
    const partners = [await store.addPartner('acme', []), await store.addPartner('other', [])];
    for (const [index, { id }] of partners.entries())
      await store.recordRejections([
        {
          partnerId: id,
          operation: 'addLead',
          outcome: 'rate-limited',
          reason: 'The rate limit of this key is exceeded.',
          day: day + index * 86_400_000,
          count: 1,
          lastAt: day + index * 86_400_000 + 5,
          lastRequestId: `request-${index}`,
        },
      ]);
    const partnersOf = async (name?: string) =>
      (await Array.fromAsync(store.rejections(name, 10))).map(({ partner }) => partner);
    expect(await partnersOf()).toEqual(['other', 'acme']);
    expect(await partnersOf('acme')).toEqual(['acme']);
    await expect(partnersOf('acem')).rejects.toThrow('Partner "acem" does not exist.');
    await store.deleteRejections(day + 86_400_000);
    expect(await partnersOf()).toEqual(['other']);
  },
};
