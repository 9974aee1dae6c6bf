/** An operator finds out why a key is rejected, and no command prints the key. */
import { PassThrough, type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { createContext, execute } from '../../src/cli/program.ts';
import { newKey } from '../../src/partners/key.ts';
import { lines, storeWithCli } from '../harness/cli.ts';

interface NewKey {
  id: string;
  key: string;
}

/** Creates a store with keys in every state. */
async function storeWithKeys() {
  const cli = storeWithCli();
  const { leads } = cli;
  const create = async (partner: string) => {
    const [key] = lines(await leads('key', 'create', partner)) as NewKey[];
    return key ?? expect.fail();
  };
  for (const name of ['first', 'second', 'third']) await leads('partner', 'add', name);
  const keys = {
    active: await create('first'),
    expires: await create('first'),
    expired: await create('first'),
    revoked: await create('first'),
    suspended: await create('second'),
    deleted: await create('third'),
  };
  await leads('key', 'rotate', keys.expires.id, '--old-until', '2100-01-01');
  const store = cli.open();
  await store.rotateKey(keys.expired.id, { id: 'newer', digest: 'newer', oldUntil: Date.now() });
  await store.close();
  await leads('key', 'revoke', keys.revoked.id, '--yes');
  await leads('partner', 'suspend', 'second', '--leads', 'keep');
  await leads('partner', 'delete', 'third', '--leads', 'keep', '--yes');
  return { ...cli, keys };
}

test('key check prints the id, partner and state of a key from standard input', async () => {
  const { leadsWith, keys } = await storeWithKeys();
  const check = (input: string) => leadsWith(input, 'key', 'check');
  const time = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ';
  const sentences: Record<keyof typeof keys, string> = {
    active: 'of partner "first" is active\\.',
    expires:
      'of partner "first" is active until 2100-01-01T00:00:00Z, when it expires\\. It was replaced by key [0-9a-v]{20}\\.',
    expired: `of partner "first" is rejected: it expired at ${time}\\. It was replaced by key newer\\.`,
    revoked: `of partner "first" is rejected: it was revoked at ${time}\\.`,
    suspended:
      'of partner "second" is rejected: the partner is suspended\\. Run `leads partner resume` to accept its keys again\\.',
    deleted: 'of partner "third" is rejected: the partner is deleted\\.',
  };
  for (const [name, { id, key }] of Object.entries(keys)) {
    // The cast: these are the members of `keys`.
    const sentence = sentences[name as keyof typeof keys];
    expect(await check(`${key}\n`)).toEqual({
      code: 0,
      stdout: expect.stringMatching(new RegExp(`^Key ${id} ${sentence}\\n$`)),
      stderr: '',
    });
  }
  const unknown = newKey();
  expect((await check(unknown)).stdout).toMatch(/^The store has no such key\./);
  for (const mistyped of [unknown.slice(0, -1), `Bearer ${unknown}`, `"${unknown}"`, 'secret']) {
    const { stdout } = await check(mistyped);
    expect(stdout).toContain(`This text of ${mistyped.length} characters does not have the form of a key: `);
    expect(stdout).not.toContain(mistyped);
  }
});

test('key check prints the state as JSON', async () => {
  const { leadsWith, keys } = await storeWithKeys();
  const check = async (input: string) => lines(await leadsWith(input, 'key', 'check', '--json'))[0];
  const nothing = {
    id: null,
    partner: null,
    expires_at: null,
    revoked_at: null,
    replaced_by: null,
    test: null,
  };
  expect(await check(keys.active.key)).toEqual({
    ...nothing,
    id: keys.active.id,
    partner: 'first',
    state: 'active',
    test: false,
  });
  expect(await check(keys.expires.key)).toMatchObject({
    state: 'active',
    expires_at: '2100-01-01T00:00:00Z',
  });
  expect(await check(keys.expired.key)).toMatchObject({ state: 'expired', replaced_by: 'newer' });
  expect(await check(keys.revoked.key)).toMatchObject({ state: 'revoked', revoked_at: expect.any(String) });
  expect(await check(keys.suspended.key)).toMatchObject({ partner: 'second', state: 'suspended' });
  expect(await check(keys.deleted.key)).toMatchObject({ partner: 'third', state: 'deleted' });
  expect(await check(newKey())).toEqual({ ...nothing, state: 'unknown' });
  expect(await check('mistyped')).toEqual({ ...nothing, state: 'malformed' });
});

test('key check needs one key', async () => {
  const { leadsWith } = storeWithCli();
  const failure = (stderr: string) => ({ code: 1, stdout: '', stderr });
  expect(await leadsWith(' \n', 'key', 'check')).toEqual(failure('Standard input contains no key.\n'));
  expect(await leadsWith('one\ntwo\n', 'key', 'check')).toEqual(
    failure('Standard input has several lines. Pass one key.\n'),
  );
});

test('does not repeat a key that is passed as an argument', async () => {
  const key = newKey();
  const { leadsWith } = storeWithCli();
  for (const words of [
    ['check', key],
    ['list', 'acme', key],
  ]) {
    const { code, stderr } = await leadsWith('', 'key', ...words);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('Run `leads key check`, which reads the key'),
    ]);
    expect(stderr).not.toContain(key);
  }
});

test('key check asks in a terminal, and does not show the key', async () => {
  const { file, keys } = await storeWithKeys();
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => input });
  const [out, err] = [new PassThrough(), new PassThrough()];
  const context = createContext(() => ({ DATABASE_URL: `sqlite:${file}` }), { input, out, err });
  const run = execute(['key', 'check'], context);
  const shown = text(err);
  input.write(`${keys.revoked.key}\r`);
  expect(await run).toBe(0);
  err.end();
  expect(await shown).toBe('Key (not shown): \n');
  expect(read(out)).toContain(`Key ${keys.revoked.id} of partner "first" is rejected: it was revoked`);
});

function read(stream: Readable): string {
  return String(stream.read() ?? '');
}

test('key list shows the state of each key in 80 columns', async () => {
  const { leads, file, keys } = await storeWithKeys();
  const listed = lines(await leads('key', 'list', '--all', '--json')) as { id: string; state: string }[];
  const states = Object.fromEntries(listed.map(({ id, state }) => [id, state]));
  for (const [state, { id }] of Object.entries(keys)) expect(states[id]).toBe(state);

  const out = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  const streams = { input: new PassThrough(), out, err: new PassThrough() };
  await execute(
    ['key', 'list'],
    createContext(() => ({ DATABASE_URL: `sqlite:${file}` }), streams),
  );
  const [heading, ...rows] = read(out).trimEnd().split('\n');
  expect(heading).toMatch(/^ID +PARTNER +STATE +CREATED +LAST USED +EXPIRES$/);
  expect(rows).toHaveLength(7);
  for (const row of rows) expect(row.length).toBeLessThanOrEqual(80);
});

test.each([['revoke', '--yes'], ['revoke'], ['rotate']])(
  'key %s does not print a key that is passed instead of an id',
  async (subcommand, ...options) => {
    const { leads } = storeWithCli();
    const key = newKey();
    for (const given of [key, key.slice(0, 20), key.toUpperCase()]) {
      expect(await leads('key', subcommand ?? '', given, ...options)).toEqual({
        code: 1,
        stdout: '',
        stderr:
          'This is a key, not the id of one. Run `leads key check`, which reads the key from standard input and prints its id.\n',
      });
    }
  },
);

test('key revoke reports that a key was already revoked, and asks nothing', async () => {
  const { leads, keys } = await storeWithKeys();
  const again = await leads('key', 'revoke', keys.revoked.id);
  expect(again).toMatchObject({ code: 0, stderr: '' });
  expect(again.stdout).toMatch(new RegExp(`^Key ${keys.revoked.id} was already revoked at \\S+Z\\.\n$`));
});

test('key revoke reports that the use of a key is recorded with a delay', async () => {
  const { leads, keys } = await storeWithKeys();
  expect((await leads('key', 'revoke', keys.active.id)).stderr).toContain(
    `with key ${keys.active.id} (not recorded as used; a use is recorded after up to ten seconds) will be rejected at once`,
  );
});
