/** The screen of `leads watch` fits its terminal: the title and the totals never scroll away. */
import { expect, test } from 'vitest';
import { formatScreen } from '../../src/cli/watch-screen.ts';
import { ActivityHistory } from '../../src/cli/watch-view.ts';
import type { DeliveryPause } from '../../src/store/delivery-pauses.ts';
import { emptyActivity, emptyLeadStats } from './watched-store.ts';

const at = Date.UTC(2026, 10, 23, 9);

const failures = [5, 4, 3, 2, 1].map((id) => ({
  id,
  leadId: '01k83s0kq3m4hn7c2v1a',
  endedAt: at,
  outcome: 'unavailable' as const,
  response: 'The connection was refused. Check the URL of the dialler, and whether it is running.',
}));

/** Returns the state of a call centre with partners of which each sent one lead more than the one before. */
function watched(partners: number, pauses: DeliveryPause[] = []): ActivityHistory {
  const history = new ActivityHistory();
  const submissions = Array.from({ length: partners }, (_, index) => ({
    partner: `partner-${index + 1}`,
    outcome: 'accepted' as const,
    count: index + 1,
  }));
  history.add({ ...emptyActivity, submissions, failures }, emptyLeadStats, pauses, at, false);
  return history;
}

test('shows the totals, the busiest partners and the latest failures of 25 partners in 80 × 24 characters', () => {
  const lines = formatScreen(watched(25), { columns: 80, rows: 24 }).split('\n');
  expect(lines.length).toBeLessThan(24);
  expect(lines.every((line) => line.length <= 80)).toBe(true);
  expect(lines[0]).toMatch(/^Leads at 2026-11-23T09:00:00Z/);
  const text = lines.join('\n');
  expect(text).toMatch(/^Undecided +0$/m);
  expect(text).toMatch(/^partner-25 +25( +0){4}$/m);
  expect(text).not.toMatch(/^partner-1 /m);
  const shown = lines.filter((line) => /^partner-/.test(line)).length;
  expect(text).toContain(`... and ${25 - shown} more partners`);
  expect(text).toContain('Latest failed attempts:');
});

test('shows all rows if the terminal is high enough, or there is none', () => {
  for (const size of [{ columns: 80, rows: 80 }, {}]) {
    const text = formatScreen(watched(25), size);
    expect(text).toMatch(/^partner-1 /m);
    expect(text).not.toContain('more');
  }
});

test('shows pauses before the failures of earlier attempts, and only totals in a terminal of ten lines', () => {
  const pauses = ['a', 'b', 'c'].map((type) => ({
    type,
    by: 'operator' as const,
    reason: 'Holiday',
    since: at,
  }));
  const text = formatScreen(watched(25, pauses), { columns: 80, rows: 24 });
  expect(text).toContain('Pauses of delivery');
  expect(text.split('\n').length).toBeLessThan(24);
  const low = formatScreen(watched(25, pauses), { columns: 80, rows: 10 });
  expect(low.split('\n').length).toBeLessThan(10);
  expect(low).toMatch(/^Undecided/m);
});
