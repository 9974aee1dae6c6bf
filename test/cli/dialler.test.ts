/** `leads dialler check` reports what is wrong in the dialler's set-up, and exits with 1. */
import { expect, test } from 'vitest';
import { executeCli, lines, storeWithCli } from '../harness/cli.ts';
import { startReceiver } from '../harness/receiver.ts';
import { VicidialStandIn } from '../harness/vicidial.ts';

/** Creates a store with a lead type, and a command that checks a VICIdial stand-in with its list. */
async function startCheck(changes: Record<string, string> = {}) {
  const { file, open } = storeWithCli();
  const store = open();
  await store.addType('motor', null);
  await store.addType('old', null);
  await store.retireType('old');
  await store.close();
  const vicidial = new VicidialStandIn();
  const receiver = await startReceiver(vicidial.behave);
  const environment = {
    DATABASE_URL: `sqlite:${file}`,
    DIALLER: 'vicidial',
    DIALLER_URL: receiver.url,
    DIALLER_USER: 'leadsapi',
    DIALLER_PASSWORD: 'correct horse',
    DIALLER_LISTS: '{"motor": {"list": 1001, "campaign": "MOTOR"}}',
    ...changes,
  };
  const check = (...words: string[]) => executeCli(['dialler', 'check', ...words], environment);
  return { vicidial, check };
}

test('prints what was checked, and exits with 0', async () => {
  const { check } = await startCheck();
  const { code, stdout, stderr } = await check();
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^CHECK +TYPE +RESULT +DETAILS\nlogin +\(all\) +ok +the user can log in\n/);
  expect(stdout).toMatch(/^list 1001 +motor +ok +leads can be added$/m);
  expect(stdout).not.toContain('old');
});

test('reports problems with their remedy, and exits with 1', async () => {
  const { vicidial, check } = await startCheck();
  vicidial.lists.delete('1001');
  const { code, stderr, ...output } = await check('--json');
  expect(code).toBe(1);
  expect(stderr).toContain('Problems found: 1. Fix them, then run `leads dialler check` again.');
  expect(lines({ code, stderr, ...output })).toContainEqual({
    check: 'list 1001',
    type: 'motor',
    subtype: null,
    result: 'problem',
    details: 'add_lead NOT A DEFINED LIST ID, LIST EXISTS CHECK ENABLED: correct it',
  });
});

test.each([
  ['none', 'No dialler is configured (DIALLER=none). Set DIALLER.'],
  ['log', 'The set-up of the dialler log cannot be checked.'],
])('DIALLER=%s cannot be checked', async (dialler, message) => {
  const { check } = await startCheck({ DIALLER: dialler });
  const { code, stderr } = await check();
  expect(code).toBe(1);
  expect(stderr).toContain(message);
});

test('result-url prints the URLs of each list, whose secrets differ', async () => {
  const { file, open } = storeWithCli();
  await open().close();
  const environment = {
    DATABASE_URL: `sqlite:${file}`,
    DIALLER: 'vicidial',
    DIALLER_URL: 'http://vicidial.example',
    DIALLER_USER: 'leadsapi',
    DIALLER_PASSWORD: 'correct horse',
    DIALLER_LISTS: '{"motor": 1001, "home": 1002}',
    RESULTS_PORT: '3100',
    RESULTS_SECRET: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
    RESULTS_URL: 'https://results.leads.example',
  };
  const printed = await executeCli(['dialler', 'result-url', '--json'], environment);
  const urls = lines(printed).map((line) => Object(line));
  expect(urls.map(({ list, types }) => [list, types])).toEqual([
    ['1001', ['motor']],
    ['1002', ['home']],
  ]);
  const start =
    /^VARhttps:\/\/results\.leads\.example\/vicidial\?list=1001&types=motor&secret=([\w-]{43})&lead=/;
  const [, secret = ''] = start.exec(urls[0].dispo_call_url) ?? [];
  expect(urls[0].no_agent_call_url).toContain(secret);
  expect(urls[1].dispo_call_url).not.toContain(secret);
  const one = await executeCli(['dialler', 'result-url', 'home'], environment);
  expect(one.stdout).toMatch(
    /^List 1002 \(home\)\nDispo Call URL:\nVARhttps:.*\nNo-Agent Call URL:\nVARhttps:/,
  );
  const off = await executeCli(['dialler', 'result-url'], { ...environment, RESULTS_PORT: 'off' });
  expect([off.code, off.stderr]).toEqual([1, expect.stringContaining('Set RESULTS_PORT and RESULTS_SECRET')]);
});
