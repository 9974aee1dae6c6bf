/** `leads report`, by which partners are billed. */
import { expect, test } from 'vitest';
import { callResults } from '../../src/leads/call-result.ts';
import { lines, storeWithCli } from '../harness/cli.ts';
import { mobileOf } from '../harness/mobile.ts';
import { deliverDue } from '../harness/server.ts';
import { seeded } from '../store/stores.ts';

const today = new Date().toISOString().slice(0, 10);

/** Creates a store with a delivered lead and a duplicate of one partner, and a scheduled lead of another. */
async function filled() {
  const cli = storeWithCli();
  const { store, first, second, from } = await seeded(cli.open());
  await store.submit(from(first.id));
  await deliverDue(store);
  const [lead] = await Array.fromAsync(store.leads({}, 1));
  await store.recordCallResult({
    leadId: lead?.id ?? '',
    callId: 'one',
    code: 'SALE',
    result: 'converted',
    calledAt: 1,
    talkTime: 1,
    receivedAt: 1,
    dialler: 'vicidial',
    types: undefined,
  });
  await store.submit(from(first.id));
  await store.submit(from(second.id, { mobile: mobileOf(1), delays: 600 }));
  await store.recordRejections([
    {
      partnerId: second.id,
      operation: 'addLead',
      outcome: 'validation-failed',
      reason: 'Mobile cannot be blank.',
      day: Date.parse(today),
      count: 12,
      lastAt: Date.now(),
      lastRequestId: 'one',
    },
  ]);
  await store.close();
  return cli;
}

test('shows a row for each partner, a total, the results and the reasons of rejections', async () => {
  const { leads } = await filled();
  const { stdout, code } = await leads('report');
  expect(code).toBe(0);
  const cells = stdout.split('\n').map((line) => line.split(/ {2,}/));
  expect(cells[0]?.slice(0, 4)).toEqual(['PARTNER', 'REQUESTS', 'ACCEPTED', 'DUPLICATE']);
  expect(cells.slice(1, 4).map((row) => row.slice(0, 4))).toEqual([
    ['first', '2', '1', '1'],
    ['second', '13', '1', '0'],
    ['total', '15', '2', '1'],
  ]);
  expect(cells.slice(4)).toEqual([
    [''],
    ['LEADS', 'RESULT'],
    ['1', 'converted'],
    [''],
    ['REJECTED', 'REASON'],
    ['12', 'Mobile cannot be blank.'],
    [''],
  ]);
});

test('prints every figure as JSON and CSV, with a column for each result', async () => {
  const { leads } = await filled();
  const [row, ...others] = lines(await leads('report', '--partner', 'first', '--by', 'day', '--json'));
  expect(others).toEqual([]);
  expect(row).toMatchObject({ by: 'day', group: today, requests: 2, delivered: 1, result_converted: 1 });
  const { stdout } = await leads('report', '--by', 'type', '--csv');
  const [header = '', first = ''] = stdout.split('\r\n');
  expect(header.split(',')).toEqual(Object.keys(Object(row)));
  expect(header.match(/result_/g)).toHaveLength(callResults.length);
  expect(first.split(',').slice(0, 2)).toEqual(['type', 'motor']);
});

test('covers seven days, or the days of --from and --to', async () => {
  const { leads } = await filled();
  expect((await leads('report', '--to', '1d')).stdout).toBe('Nothing was sent in this period.\n');
  expect(lines(await leads('report', '--from', today, '--to', today, '--json'))).toHaveLength(2);
  const refused = await leads('report', '--from', today, '--to', '1d');
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--from cannot be later than --to'),
  });
});

test('suggests the name of a mistyped partner', async () => {
  const { leads } = await filled();
  const { code, stderr } = await leads('report', '--partner', 'frist');
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('first') });
});
