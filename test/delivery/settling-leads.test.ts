/** A lead is not sent again while the dialler may still be processing an earlier attempt, whatever the clock says. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { SettlingLeads } from '../../src/delivery/settling-leads.ts';

const now = Date.parse('2026-11-23T12:00:00Z');

/** Stops both clocks. */
function stopClocks(): void {
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now });
  onTestFinished(() => void vi.useRealTimers());
}

test('waits for the runtime after the last attempt with an unknown outcome, as the store has it', () => {
  stopClocks();
  const settling = new SettlingLeads(600_000);
  const remaining = (lastUnknownAt: number | null) => settling.remaining({ id: 'lead', lastUnknownAt });
  expect(remaining(null)).toBe(0);
  expect(remaining(now)).toBe(600_000);
  expect(remaining(now - 599_999)).toBe(1);
  expect(remaining(now - 600_000)).toBe(0);
});

test('waits as long if the clock is set forward, or by the runtime at most if it is set back', () => {
  stopClocks();
  const settling = new SettlingLeads(600_000);
  settling.add('lead');
  vi.setSystemTime(now + 86_400_000);
  expect(settling.remaining({ id: 'lead', lastUnknownAt: now })).toBe(600_000);
  vi.advanceTimersByTime(599_999);
  expect(settling.remaining({ id: 'lead', lastUnknownAt: now })).toBe(1);
  vi.advanceTimersByTime(1);
  expect(settling.remaining({ id: 'lead', lastUnknownAt: now })).toBe(0);
  vi.setSystemTime(now - 86_400_000);
  expect(settling.remaining({ id: 'lead', lastUnknownAt: now })).toBe(600_000);
});

test('counts from the last attempt of a lead, and forgets leads that have settled', () => {
  stopClocks();
  const settling = new SettlingLeads(1_000);
  const remaining = (id: string) => settling.remaining({ id, lastUnknownAt: null });
  settling.add('one');
  settling.add('two');
  vi.advanceTimersByTime(600);
  settling.add('one');
  vi.advanceTimersByTime(600);
  expect([remaining('one'), remaining('two')]).toEqual([400, 0]);
  settling.add('three');
  expect([remaining('one'), remaining('three')]).toEqual([400, 1_000]);
});

test('a dialler without a runtime recognises repeats, so that nothing waits', () => {
  const settling = new SettlingLeads(0);
  settling.add('lead');
  expect(settling.remaining({ id: 'lead', lastUnknownAt: Date.now() })).toBe(0);
});
