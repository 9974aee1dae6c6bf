/** The audit log: who changed what, when, with which command, and the values before and after. */
import { expect } from 'vitest';
import type { Actor, AuditEntry } from '../../../src/store/audit.ts';
import type { Store } from '../../../src/store/store.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, tableNamed } from './behaviour.ts';

const actor: Actor = { operator: 'alice', host: 'server-1', command: 'type edit' };

function entries(store: Store): Promise<AuditEntry[]> {
  return Array.fromAsync(store.auditEntries({}, 100));
}

export const audit: Behaviours = {
  'records who made a change, when, with which command, and the values before and after': async (open) => {
    const { store } = await seeded(open());
    const begun = Date.now();
    store.actAs(actor);
    await store.setRecontactAfter('motor', 1_000);
    const [entry, ...others] = await entries(store);
    expect(entry).toMatchObject({
      ...actor,
      subject: { kind: 'type', id: 'motor' },
      before: { recontact_after: null },
      after: { recontact_after: 1_000 },
    });
    expect(entry?.at).toBeGreaterThanOrEqual(begun);
    expect(others).toEqual([]);
  },

  'records nothing without an operator, as in a server': async (open) => {
    const { store } = await seeded(open());
    await store.suspendPartner('first');
    expect(await entries(store)).toEqual([]);
    await expect(store.recordAudit({ subject: { kind: 'store', id: null } })).rejects.toThrow('actAs');
  },

  'records a change that does not state its subject as a change of the store': async (open) => {
    const { store, first } = await seeded(open());
    store.actAs(actor);
    await store.recordRejections([
      {
        partnerId: first.id,
        day: 0,
        operation: 'addLead',
        outcome: 'invalid',
        reason: 'Mobile is missing',
        count: 1,
        lastAt: 1,
        lastRequestId: 'id',
      },
    ]);
    expect(await entries(store)).toMatchObject([
      { subject: { kind: 'store', id: null }, before: null, after: null },
    ]);
  },

  'records nothing about a change that failed, or that only reads': async (open) => {
    const { store, first, from } = await seeded(open());
    const added = await store.submit(from(first.id, { delays: 3_600 }));
    store.actAs(actor);
    await expect(store.addType('motor', null)).rejects.toThrow('motor');
    if (added.outcome === 'accepted') await store.checkCancellable(added.leadId);
    expect(await entries(store)).toEqual([]);
  },

  'lists the changes of an operator, a command, a kind, a subject or a time, newest first': async (open) => {
    const { store } = await seeded(open());
    store.actAs({ ...actor, command: 'partner suspend' });
    await store.suspendPartner('first');
    store.actAs({ ...actor, operator: 'bob', command: 'partner' });
    await store.limitPartner('second', 'off');
    store.actAs({ ...actor, command: 'partners' });
    await store.retireType('motor');
    const commands = async (filter: Parameters<Store['auditEntries']>[0], limit = 9) =>
      (await Array.fromAsync(store.auditEntries(filter, limit))).map(({ command }) => command);
    expect(await commands({})).toEqual(['partners', 'partner', 'partner suspend']);
    expect(await commands({}, 1)).toEqual(['partners']);
    expect(await commands({ operator: 'bob' })).toEqual(['partner']);
    expect(await commands({ command: 'partner' })).toEqual(['partner', 'partner suspend']);
    expect(await commands({ kind: 'type' })).toEqual(['partners']);
    expect(await commands({ subjectId: 'first' })).toEqual(['partner suspend']);
    expect(await commands({ from: Date.now() + 1_000 })).toEqual([]);
    expect(await commands({ before: Date.now() + 1_000 })).toHaveLength(3);
  },

  'keeps entries for six years, however short the requested age': async (open) => {
    const { store } = await seeded(open());
    store.actAs(actor);
    await store.retireType('motor');
    const old = Date.now() - 2_193 * 86_400_000;
    await store.addRows(tableNamed('audit_entry'), [
      [99, old, 'alice', 'server-1', 'type retire', 'type', 'motor', null, null],
    ]);
    expect(await store.deleteAuditEntries(old)).toBe(0);
    expect(await store.deleteAuditEntries(Date.now())).toBe(1);
    expect(await store.deleteAuditEntries(Date.now())).toBe(0);
    expect(await entries(store)).toHaveLength(1);
  },
};
