/** The results of calls, which diallers may report repeatedly, late, or for leads that do not exist. */
import { expect } from 'vitest';
import { type CallReport, maxCallsPerLead } from '../../../src/store/call-results.ts';
import type { Store } from '../../../src/store/store.ts';
import { deliverDue, leadsIn } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, person, tableNamed } from './behaviour.ts';

/** Fills a store with a dialled lead. */
async function dialled(open: () => Promise<Store>) {
  const all = await seeded(open());
  await all.store.submit(all.from(all.first.id));
  await deliverDue(all.store);
  const [lead] = await leadsIn(all.store);
  const leadId = lead?.id ?? '';
  const report = (changes: Partial<CallReport> = {}): CallReport => ({
    leadId,
    callId: 'call-1',
    code: 'NI',
    result: 'not-interested',
    calledAt: 1_000,
    talkTime: 42,
    receivedAt: 2_000,
    dialler: 'vicidial',
    types: undefined,
    ...changes,
  });
  const status = async () => {
    const found = await all.store.leadStatus({ partnerId: all.first.id, leadId });
    return found && { result: found.result, resultAt: found.resultAt };
  };
  const stored = () => Array.fromAsync(all.store.callResults(person.mobile));
  return { ...all, leadId, report, status, stored };
}

const known = { type: 'motor', mobile: person.mobile };

export const callResults: Behaviours = {
  'records the result of a call once': async (open) => {
    const { store, leadId, report, status, stored } = await dialled(open);
    expect(await status()).toEqual({ result: null, resultAt: null });
    const first = { outcome: 'recorded', ...known, previousCode: null, previousResult: null };
    expect(await store.recordCallResult(report())).toEqual(first);
    expect(await store.recordCallResult(report({ receivedAt: 3_000, calledAt: 3_000 }))).toMatchObject({
      outcome: 'repeated',
    });
    expect(await status()).toEqual({ result: 'not-interested', resultAt: 1_000 });
    const { dialler: _, types: __, ...row } = report();
    expect(await stored()).toEqual([row]);
    const terms = { key: undefined, parsePhone: () => undefined, limit: 100 };
    while ((await store.appendEvidence(terms)) > 0);
    const evidence = (await store.evidenceOf(person.mobile)).filter(({ kind }) => kind === 'result');
    expect(evidence.map(({ content }) => JSON.parse(content ?? ''))).toEqual([
      expect.objectContaining({ lead_id: leadId, call_id: 'call-1', code: 'NI', result: 'not-interested' }),
    ]);
  },

  'returns when a result was last recorded, by lead type': async (open) => {
    const { store, report } = await dialled(open);
    expect(await store.lastResults()).toEqual([]);
    const minute = 60_000;
    for (const [index, receivedAt] of [minute, minute + 1, 3 * minute, 2 * minute].entries()) {
      await store.recordCallResult(report({ callId: `at ${index}`, receivedAt }));
      const last = index < 2 ? minute : 3 * minute;
      expect(await store.lastResults()).toEqual([{ type: 'motor', receivedAt: last }]);
    }
    await store.retireType('motor');
    expect(await store.lastResults()).toEqual([]);
  },

  'replaces the code of a call, and keeps its time': async (open) => {
    const { store, report, status, stored } = await dialled(open);
    await store.recordCallResult(report());
    const changed = report({ code: 'SALE', result: 'converted', calledAt: 9, talkTime: null, receivedAt: 5 });
    expect(await store.recordCallResult(changed)).toMatchObject({
      outcome: 'changed',
      previousCode: 'NI',
      previousResult: 'not-interested',
    });
    expect(await stored()).toMatchObject([{ code: 'SALE', calledAt: 1_000, talkTime: 42, receivedAt: 5 }]);
    expect(await status()).toEqual({ result: 'converted', resultAt: 1_000 });
  },

  'shows the latest call with a result, and keeps codes without one': async (open) => {
    const { store, report, status, stored } = await dialled(open);
    await store.recordCallResult(report({ callId: '2', code: 'B', result: 'busy', calledAt: 5_000 }));
    await store.recordCallResult(report({ callId: '1', calledAt: 4_000 }));
    await store.recordCallResult(report({ callId: '3', code: 'XYZ', result: null, calledAt: 6_000 }));
    expect(await status()).toEqual({ result: 'busy', resultAt: 5_000 });
    expect((await stored()).map(({ code }) => code)).toEqual(['NI', 'B', 'XYZ']);
    const listed = (result: 'busy' | 'not-interested') => Array.fromAsync(store.leads({ result }, 10));
    expect(await listed('busy')).toMatchObject([{ result: 'busy', resultAt: 5_000 }]);
    expect(await listed('not-interested')).toEqual([]);
  },

  'refuses an unknown lead, and one of a type that the sender may not report on': async (open) => {
    const { store, report, stored } = await dialled(open);
    expect(await store.recordCallResult(report({ leadId: 'none' }))).toEqual({ outcome: 'unknown-lead' });
    await store.renameType('motor', 'car');
    await store.addType('home', null);
    expect(await store.recordCallResult(report({ types: ['home'] }))).toEqual({ outcome: 'other-type' });
    expect(await store.recordCallResult(report({ types: [] }))).toEqual({ outcome: 'other-type' });
    expect(await stored()).toEqual([]);
    expect(await store.recordCallResult(report({ types: ['home', 'motor'] }))).toMatchObject({
      outcome: 'recorded',
      type: 'car',
    });
    expect(await store.recordCallResult(report({ types: ['car'] }))).toMatchObject({ outcome: 'repeated' });
  },

  'enters the number in the do-not-call list, and withdraws its other leads': async (open) => {
    const { store, first, from, leadId, report, stored } = await dialled(open);
    await store.addType('home', null);
    await store.grantType('first', 'home');
    await store.submit(from(first.id, { type: 'home', delays: 600 }));
    const begun = Promise.withResolvers<void>();
    const unsubscribe = store.onWithdrawal(() => begun.resolve());
    const objection = report({ code: 'DNC', result: 'do-not-call' });
    const recorded = await store.recordCallResult(objection);
    expect(recorded).toMatchObject({ outcome: 'recorded', added: 1, withdrawals: [leadId] });
    await begun.promise;
    unsubscribe();
    expect((await leadsIn(store)).map(({ state }) => state).toSorted()).toEqual(['dialled', 'suppressed']);
    const entry = { source: 'dialler', sourceId: 'vicidial', type: undefined, objectedAt: 1_000 };
    expect(await store.suppressionsOf(person.mobile)).toMatchObject([entry]);
    await store.removeSuppressions({ mobile: person.mobile }, false);
    expect(await store.recordCallResult(objection)).toMatchObject({ outcome: 'repeated' });
    expect(await store.suppressionsOf(person.mobile)).toEqual([]);
    expect(await stored()).toHaveLength(1);
  },

  'stores the results of a limited number of calls of a lead': async (open) => {
    const { store, leadId, report } = await dialled(open);
    const rows = Array.from({ length: maxCallsPerLead - 1 }, (_, call) => {
      return [leadId, String(call).padStart(5, '0'), 'N', 'no-answer', 1, null, 1] as const;
    });
    await store.addRows(tableNamed('call_result'), rows);
    expect(await store.recordCallResult(report())).toMatchObject({ outcome: 'recorded' });
    expect(await store.recordCallResult(report({ callId: 'another' }))).toEqual({
      outcome: 'too-many-calls',
    });
    expect(await store.recordCallResult(report({ code: 'B' }))).toMatchObject({ outcome: 'changed' });
  },
};
