/** Lead types that are edited, renamed and retired. */
import { expect, test } from 'vitest';
import { executeCli, lines, storeWithCli } from '../harness/cli.ts';
import { post } from '../harness/client.ts';
import { requestValue, responseValue } from '../harness/contract.ts';
import { startServer } from '../harness/server.ts';
import { seeded } from '../store/stores.ts';

/** A store with a scheduled lead of each of two partners. */
async function storeWithLeads() {
  const cli = storeWithCli();
  await cli.leads('type', 'list');
  const store = cli.open();
  const { first, second, from } = await seeded(store);
  await store.submit(from(first.id));
  await store.submit(from(second.id, { mobile: '+447840258824' }));
  await store.close();
  return cli;
}

test('edits the re-contact period of a type, and says what it was and what it means', async () => {
  const { leads } = await storeWithLeads();
  expect((await leads('type', 'edit', 'motor', '--recontact-after', '30d')).stdout).toBe(
    'People dialled for type "motor", also those dialled before this change, are accepted again 30d after they were dialled. Before: never.\n',
  );
  expect(lines(await leads('type', 'list', '--json'))).toMatchObject([{ recontact_after: 2_592_000 }]);
  expect(lines(await leads('type', 'edit', 'motor', '--recontact-after', 'never', '--json'))).toMatchObject([
    { name: 'motor', recontact_after: null, recontact_after_before: 2_592_000 },
  ]);
  expect(lines(await leads('type', 'list', '--json'))).toMatchObject([{ recontact_after: null }]);
  expect(await leads('type', 'edit', 'motor', '--recontact-after', 'soon')).toMatchObject({ code: 1 });
  expect((await leads('type', 'edit', 'moto', '--recontact-after', '1d')).stderr).toBe(
    'Lead type "moto" does not exist. Run `leads type list`. Did you mean "motor"?\n',
  );
  await leads('type', 'add', 'home', '--recontact-after', 'never');
  expect(lines(await leads('type', 'list', '--json'))).toMatchObject([
    { name: 'home', recontact_after: null },
    { name: 'motor' },
  ]);
});

test('requires consent for a type, and says what it was and what it means', async () => {
  const { leads } = await storeWithLeads();
  expect((await leads('type', 'edit', 'motor', '--consent', 'required')).stdout).toBe(
    'Within a second, servers reject leads of type "motor" that contain no consent. Before: optional.\n',
  );
  const both = ['--consent', 'optional', '--recontact-after', '30d'];
  expect(lines(await leads('type', 'edit', 'motor', ...both, '--json'))).toMatchObject([
    {
      name: 'motor',
      recontact_after: 2_592_000,
      recontact_after_before: null,
      consent_required: false,
      consent_required_before: true,
    },
  ]);
  await leads('type', 'add', 'home', '--consent', 'required');
  const { stdout } = await leads('type', 'list');
  expect(stdout).toMatch(/^TYPE +STATE +RE-CONTACT AFTER +CONSENT /);
  expect(stdout).toMatch(/^home +active +never +required/m);
  expect((await leads('type', 'edit', 'motor')).stderr).toBe(
    'Nothing to change. Pass `--recontact-after`, `--consent`, `--withdraw`, `--registries`, `--registry-override` or `--screening`.\n',
  );
  expect((await leads('type', 'edit', 'motor', '--consent', 'no')).stderr).toContain('Allowed choices');
});

test('renames a type everywhere, and accepts its former name in every option', async () => {
  const { leads } = await storeWithLeads();
  await leads('delivery', 'pause', '--type', 'motor', '--reason', 'maintenance');
  expect(await leads('type', 'rename', 'motor', 'car')).toEqual({
    code: 0,
    stdout: 'Renamed lead type "motor" to "car". Partners can send either name.\n',
    stderr:
      'The dialler gets the name "car" from the next lead on. With VICIdial, DIALLER_LISTS must include it.\n',
  });
  expect(lines(await leads('type', 'list', '--json'))).toMatchObject([
    { name: 'car', former_names: ['motor'], partners: ['first', 'second'] },
  ]);
  expect(lines(await leads('partner', 'list', '--json'))).toMatchObject([
    { types: ['car'] },
    { types: ['car'] },
  ]);
  expect(lines(await leads('delivery', 'list', '--json'))).toMatchObject([{ type: 'car' }]);
  for (const type of ['motor', 'car']) {
    const listed = lines(await leads('lead', 'list', '--type', type, '--json'));
    expect(listed).toMatchObject([{ type: 'car' }, { type: 'car' }]);
  }
  expect(lines(await leads('delivery', 'resume', '--type', 'motor', '--json'))).toEqual([
    { type: 'car', paused: false },
  ]);
  expect(lines(await leads('partner', 'add', 'third', '--type', 'motor', '--type', 'car', '--json'))).toEqual(
    [{ name: 'third', types: ['car'] }],
  );
  expect((await leads('delivery', 'pause', '--type', 'motor', '--reason', 'again')).stdout).toMatch(
    /^Paused delivery of lead type "car"\./,
  );
  await leads('delivery', 'resume', '--type', 'car');
  expect(lines(await leads('due', '--json'))).toMatchObject([{ type: 'car' }, { type: 'car' }]);
  await leads('partner', 'add', 'third', '--type', 'motor');
  expect((await leads('partner', 'grant', 'third', 'motor')).stdout).toBe(
    'Partner "third" can send leads of type "car".\n',
  );
  for (const words of [
    ['add', 'motor'],
    ['rename', 'car', ' '],
    ['rename', 'nothing', 'new'],
  ]) {
    expect(await leads('type', ...words)).toMatchObject({ code: 1, stdout: '' });
  }
  expect(lines(await leads('type', 'rename', 'car', 'motor', '--json'))).toEqual([
    { name: 'motor', former_names: ['car'], partners: ['first', 'second', 'third'] },
  ]);
});

test('retires a type with or without its scheduled leads, and unretires it', async () => {
  const { leads } = await storeWithLeads();
  expect(await leads('type', 'retire', 'motor')).toMatchObject({
    code: 1,
    stderr:
      'Further submissions of type "motor" (granted to 2 partners) will get the outcome `unknown-type`. 2 leads are scheduled or held. There is no terminal to ask what happens to them, so nothing was changed. Pass --leads keep or --leads cancel.\n',
  });
  expect(lines(await leads('type', 'list', '--json'))).toMatchObject([{ retired_at: null }]);
  expect((await leads('type', 'retire', 'motor', '--leads', 'keep')).stdout).toBe(
    'Retired lead type "motor", which was granted to 2 partners. 2 leads stay scheduled or held.\n',
  );
  expect((await leads('type', 'list')).stdout).toMatch(/^motor +retired /m);
  expect((await leads('partner', 'grant', 'first', 'motor')).stderr).toMatch(
    /^Lead type "motor" is retired\./,
  );
  expect((await leads('type', 'unretire', 'motor')).stdout).toBe(
    'Leads of type "motor" are accepted again, from 2 partners.\n',
  );
  expect((await leads('type', 'unretire', 'motor')).stderr).toBe('Lead type "motor" is not retired.\n');
  expect(lines(await leads('type', 'retire', 'motor', '--leads', 'cancel', '--json'))).toEqual([
    {
      name: 'motor',
      retired: true,
      partners: ['first', 'second'],
      leads_kept: 0,
      leads_cancelled: 2,
      leads_in_flight: 0,
    },
  ]);
  expect(lines(await leads('lead', 'list', '--state', 'cancelled', '--json'))).toHaveLength(2);
});

test('applies to servers that are running', async () => {
  const server = await startServer();
  const leads = (...words: string[]) => executeCli(words, { DATABASE_URL: `sqlite:${server.file}` });
  const person = requestValue('addLead', 'accepted');
  const add = async (mobile: string, type: string) =>
    (await post(server, 'addLead', { ...person, mobile, type, delays: 600 })).json;
  const [accepted, scheduled, unknown] = ['accepted', 'already-scheduled', 'unknown-type'].map((name) =>
    responseValue('addLead', 200, name),
  );
  expect(await add('07840258824', server.type)).toEqual(accepted);
  await leads('type', 'rename', server.type, 'renamed');
  expect(await add('07840258824', 'renamed')).toEqual(scheduled);
  expect(await add('07840258825', 'renamed')).toEqual(accepted);
  expect(await add('07840258825', server.type)).toEqual(scheduled);
  await leads('type', 'retire', server.type, '--leads', 'keep');
  expect(await add('07840258826', 'renamed')).toEqual(unknown);
  const cancelled = await post(server, 'cancelLead', { mobile: '07840258824', type: server.type });
  expect(cancelled.json).toEqual(responseValue('cancelLead', 200, 'cancelled'));
  await leads('type', 'unretire', 'renamed');
  expect(await add('07840258826', 'renamed')).toEqual(accepted);
});
