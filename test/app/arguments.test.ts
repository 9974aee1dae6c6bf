/** The arguments of the server's process, and the versions that both programs report. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { run } from '../harness/process.ts';

const root = new URL('../../', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
const [, contract] = /^ {2}version: (.*)$/m.exec(readFileSync(new URL('openapi.yaml', root), 'utf8')) ?? [];

test.each(['main', 'cli'])(
  'src/%s.ts --version prints the versions of program and contract',
  async (file) => {
    const stdout = `leads-api ${version} (contract ${contract})\n`;
    expect(await run(`src/${file}.ts`, ['--version'], {})).toEqual({ code: 0, stdout, stderr: '' });
  },
);

test('the server prints its help and starts nothing', async () => {
  const { code, stdout, stderr } = await run('src/main.ts', ['--help'], { PORT: 'invalid' });
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^Usage: npm start -- \[options\]\n/);
});

test('the server rejects an unknown argument', async () => {
  expect(await run('src/main.ts', ['--port'], {})).toEqual({
    code: 1,
    stdout: '',
    stderr:
      'The server did not start: "--port" is not an option. Run `npm start -- --help` to list the options.\n',
  });
});
