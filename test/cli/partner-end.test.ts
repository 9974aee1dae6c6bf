/** Partners that lose a lead type, are suspended or deleted, and what happens to their scheduled leads. */
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { executeCli, lines, storeWithCli } from '../harness/cli.ts';
import { post } from '../harness/client.ts';
import { requestValue, responseValue } from '../harness/contract.ts';
import { claim, leadsIn, startServer, submissionsIn } from '../harness/server.ts';
import { seeded } from '../store/stores.ts';

/** A store in which the first partner has a key, a lead in flight and two scheduled leads. */
async function storeWithLeads() {
  const cli = storeWithCli();
  await cli.leads('partner', 'list');
  const store = cli.open();
  const { first, second, from } = await seeded(store);
  await store.addKey('first', 'key-1', 'digest-1');
  await store.submit(from(first.id));
  await claim(store, 'test');
  for (const mobile of ['+447840258824', '+447840258825']) {
    await store.submit(from(first.id, { mobile, delays: 3600 }));
  }
  await store.submit(from(second.id, { mobile: '+447840258826', delays: 3600 }));
  await store.close();
  const states = async () => {
    const reopened = cli.open();
    const leads = (await leadsIn(reopened)).toReversed().map(({ state }) => state);
    await reopened.close();
    return leads;
  };
  return { ...cli, states };
}

/** A terminal at which somebody answers a question. */
function terminalThatAnswers(answer: string): Readable {
  return Object.assign(Readable.from([`${answer}\n`]), { isTTY: true });
}

const kept = ['scheduled', 'scheduled', 'scheduled', 'scheduled'];
const cancelled = ['scheduled', 'cancelled', 'cancelled', 'scheduled'];

/** Commands with the members of their JSON output besides the numbers of leads. */
const commands: [words: string[], json: object][] = [
  [['partner', 'revoke-type', 'first', 'motor'], { partner: 'first', type: 'motor', revoked: true }],
  [['partner', 'suspend', 'first'], { partner: 'first', suspended: true, keys: 1 }],
  [['partner', 'delete', 'first', '--yes'], { partner: 'first', deleted: true, keys: 1 }],
];

test.each(commands)('leads %j needs --leads keep|cancel without a terminal', async (words, json) => {
  const { leads, states } = await storeWithLeads();
  const before = (await leads('partner', 'list', '--json')).stdout;
  expect(await leads(...words)).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      /\. 3 leads are scheduled or held, of which 1 cannot be cancelled: an attempt is in flight, or may have reached the dialler\. There is no terminal to ask what happens to them, so nothing was changed\. Pass --leads keep or --leads cancel\.\n$/,
    ),
  });
  expect((await leads('partner', 'list', '--json')).stdout).toBe(before);
  expect(await states()).toEqual(kept);
  const done = await leads(...words, '--leads', 'cancel', '--json');
  expect(lines(done)).toEqual([{ ...json, leads_kept: 0, leads_cancelled: 2, leads_in_flight: 1 }]);
  expect(await states()).toEqual(cancelled);
});

test.each(commands)('leads %j keeps scheduled leads with --leads keep', async (words, json) => {
  const { leads, states } = await storeWithLeads();
  expect(lines(await leads(...words, '--leads', 'keep', '--json'))).toEqual([
    { ...json, leads_kept: 2, leads_cancelled: 0, leads_in_flight: 1 },
  ]);
  expect(await states()).toEqual(kept);
});

test.each(commands)('leads %j asks in a terminal what happens to the leads', async (words) => {
  const { leads, leadsWith, states } = await storeWithLeads();
  const before = (await leads('partner', 'list', '--json')).stdout;
  for (const answer of ['', 'yes', 'k', 'cancelled']) {
    expect(await leadsWith(terminalThatAnswers(answer), ...words)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /Keep or cancel them\? \[keep\/cancel\] (?:.|\n)*Nothing was changed\.\n$/,
      ),
    });
  }
  expect((await leads('partner', 'list', '--json')).stdout).toBe(before);
  expect(await states()).toEqual(kept);
  const done = await leadsWith(terminalThatAnswers('cancel'), ...words);
  expect(done).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(
      '2 leads were cancelled. 1 lead could not be cancelled: an attempt is in flight, or may have reached the dialler.',
    ),
  });
  expect(await states()).toEqual(cancelled);
});

test('changes nothing if the terminal is closed instead of an answer', async () => {
  const { leadsWith, states } = await storeWithLeads();
  const closed = Object.assign(Readable.from([]), { isTTY: true });
  expect(await leadsWith(closed, 'partner', 'suspend', 'first')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/\[keep\/cancel\] \r?\nNothing was changed\.\n$/),
  });
  expect(await states()).toEqual(kept);
});

test.each(commands)('leads %j asks nothing about leads if there are none', async (words) => {
  const { leads, open } = storeWithCli();
  await leads('partner', 'list');
  const store = open();
  await seeded(store);
  await store.close();
  expect(await leads(...words)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/There are no scheduled or held leads\.\n$/),
  });
});

test('asks about the deletion of a partner without leads, and mentions none', async () => {
  const { leads } = storeWithCli();
  await leads('partner', 'add', 'third');
  expect((await leads('partner', 'delete', 'third')).stderr).toMatch(
    /^The 0 keys of partner "third" will be revoked, and the partner deleted, which cannot be undone\. /,
  );
});

test('suspends and resumes a partner, and shows it in lists', async () => {
  const { leads } = await storeWithLeads();
  expect((await leads('partner', 'suspend', 'first', '--leads', 'keep')).stdout).toBe(
    'Every request of partner "first" (1 key) is rejected until `leads partner resume`. 2 leads stay scheduled or held. 1 lead cannot be cancelled: an attempt is in flight, or may have reached the dialler.\n',
  );
  expect((await leads('partner', 'list')).stdout).toMatch(/^first +suspended +motor/m);
  expect((await leads('key', 'list')).stdout).toMatch(/^key-1 +first +suspended /m);
  expect(lines(await leads('partner', 'list', '--json'))).toMatchObject([
    { name: 'first', state: 'suspended', suspended_at: expect.any(String), deleted_at: null },
    { name: 'second', state: 'active', suspended_at: null },
  ]);
  expect((await leads('partner', 'suspend', 'first')).stdout).toMatch(
    /^Partner "first" was already suspended, which was not changed\. Every request of partner "first" \(1 key\) is rejected until `leads partner resume`\. 2 leads stay/,
  );
  expect(await leads('partner', 'resume', 'first')).toEqual({
    code: 0,
    stdout: 'Requests of partner "first" (1 key) are accepted again.\n',
    stderr: '',
  });
  expect(lines(await leads('partner', 'list', '--json'))).toMatchObject([
    { state: 'active' },
    { state: 'active' },
  ]);
});

test('reports that a lead type was already revoked, asks nothing, and can still cancel its leads', async () => {
  const { leads, states } = await storeWithLeads();
  await leads('partner', 'revoke-type', 'first', 'motor', '--leads', 'keep');
  const revoke = (...options: string[]) => leads('partner', 'revoke-type', 'first', 'motor', ...options);
  const already = 'Lead type "motor" was already revoked from partner "first", which was not changed. ';
  expect(await revoke()).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`${already}2 leads stay scheduled or held.`),
  });
  expect(await states()).toEqual(kept);
  expect((await revoke('--leads', 'cancel')).stdout).toContain(`${already}2 leads were cancelled.`);
  expect(await states()).toEqual(cancelled);
});

test('deletes a partner only after confirmation, and keeps what it sent', async () => {
  const { leads, leadsWith } = await storeWithLeads();
  const words = ['partner', 'delete', 'first', '--leads', 'keep'];
  expect(await leads(...words)).toMatchObject({
    code: 1,
    stderr:
      'The 1 key of partner "first" will be revoked, its 3 scheduled or held leads kept, and the partner deleted, which cannot be undone. There is no terminal to ask for confirmation, so nothing was changed. Pass --yes to confirm.\n',
  });
  expect((await leads('partner', 'delete', 'first', '--leads', 'cancel')).stderr).toMatch(
    /^The 1 key of partner "first" will be revoked, its 2 cancellable leads cancelled, and the partner deleted, /,
  );
  expect(await leadsWith(terminalThatAnswers('n'), ...words)).toMatchObject({ code: 1 });
  expect(lines(await leads('partner', 'list', '--json'))).toHaveLength(2);
  expect(await leadsWith(terminalThatAnswers('y'), ...words)).toMatchObject({ code: 0 });

  expect(lines(await leads('partner', 'list', '--json'))).toMatchObject([{ name: 'second' }]);
  expect(lines(await leads('partner', 'list', '--all', '--json'))).toMatchObject([
    { name: 'first', state: 'deleted', deleted_at: expect.any(String), keys: 0, types: [] },
    { name: 'second' },
  ]);
  expect(lines(await leads('key', 'list', '--json'))).toEqual([]);
  for (const listed of [
    await leads('key', 'list', '--all', '--json'),
    await leads('key', 'list', 'first', '--json'),
  ]) {
    expect(lines(listed)).toMatchObject([{ id: 'key-1', partner: 'first', partner_state: 'deleted' }]);
  }
  expect(lines(await leads('lead', 'list', '--partner', 'first', '--json'))).toHaveLength(3);
  expect(lines(await leads('lead', 'show', '+447840258824', '--json'))).toMatchObject([
    { leads: [{ partner: 'first' }], submissions: [{ partner: 'first' }] },
  ]);
  expect(await leads('partner', 'add', 'first')).toMatchObject({
    code: 1,
    stderr:
      'Partner "first" was deleted, and its name cannot be used again, because its leads and submissions are stored under it. Choose another name.\n',
  });
  expect((await leads('partner', 'resume', 'first')).stderr).toMatch(/^Partner "first" was deleted at /);
  const kept = await leads('partner', 'delete', 'first', '--leads', 'keep');
  expect(kept).toMatchObject({ code: 0, stderr: '' });
  expect(kept.stdout).toMatch(
    /^Partner "first" was already deleted at \S+Z\. 2 leads stay scheduled or held\. /,
  );
  // Continues a cancellation that was interrupted.
  expect((await leads('partner', 'delete', 'first', '--leads', 'cancel')).stderr).toMatch(
    /^Partner "first" was already deleted at \S+Z\. Its 2 cancellable leads will be cancelled, which cannot be undone\. /,
  );
  expect(lines(await leads('partner', 'delete', 'first', '--leads', 'cancel', '--yes', '--json'))).toEqual([
    { partner: 'first', deleted: true, keys: 0, leads_kept: 0, leads_cancelled: 2, leads_in_flight: 1 },
  ]);
});

test('records a bulk cancellation in the history of each person', async () => {
  const { leads } = await storeWithLeads();
  await leads('partner', 'suspend', 'first', '--leads', 'cancel');
  expect((await leads('lead', 'show', '+447840258824')).stdout).toMatch(/ operator +cancelled /);
});

test('applies to servers that are running', async () => {
  const server = await startServer();
  const leads = (...words: string[]) => executeCli(words, { DATABASE_URL: `sqlite:${server.file}` });
  const person = requestValue('addLead', 'accepted');
  const add = (mobile: string) => post(server, 'addLead', { ...person, mobile, delays: 600 });
  await add('07840258824');
  await leads('partner', 'suspend', server.partner, '--leads', 'keep');
  expect(await add('07840258825')).toMatchObject({
    status: 401,
    json: responseValue('addLead', 401, 'unknown-key'),
  });
  await leads('partner', 'resume', server.partner);
  expect((await add('07840258825')).json).toEqual(responseValue('addLead', 200, 'accepted'));
  await leads('partner', 'revoke-type', server.partner, server.type, '--leads', 'cancel');
  expect((await add('07840258826')).json).toEqual(responseValue('addLead', 200, 'unknown-type'));
  const status = await post(server, 'leadStatus', { mobile: '07840258824', type: server.type });
  expect(status.json).toMatchObject({ found: true, state: 'cancelled' });
  await leads('partner', 'delete', server.partner, '--yes');
  expect((await add('07840258827')).status).toBe(401);
  expect(await submissionsIn(server.store)).toHaveLength(3);
});
