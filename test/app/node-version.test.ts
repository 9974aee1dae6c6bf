/** With an older version of Node, the programs report that instead of a syntax error in a module. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { requireNode } from '../../src/app/node-version.ts';
import { run } from '../harness/process.ts';

const read = (file: string) => readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8');
const { engines } = JSON.parse(read('package.json'));
const [major, minor] = engines.node.replace('>=', '').split('.').map(Number);

test.each([
  [`${major}.${minor}.0`, true],
  [`${major}.${minor + 1}.2`, true],
  [`${major + 1}.0.0`, true],
  [`${major}.${minor - 1}.9`, false],
  [`${major - 1}.99.0`, false],
  ['20.20.2', false],
])('Node %s is accepted: %s', (version, isAccepted) => {
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  requireNode(version);
  const messages = write.mock.calls.flat();
  const codes = exit.mock.calls.flat();
  vi.restoreAllMocks();
  expect(codes).toEqual(isAccepted ? [] : [1]);
  expect(messages).toEqual(
    isAccepted
      ? []
      : [
          expect.stringMatching(
            `^This program needs Node ${major}\\.${minor} or later; this is ${version} \\(.+\\)\\. Install .*\\n$`,
          ),
        ],
  );
});

test.each(['src/main.ts', 'src/cli.ts'])(
  '%s checks the version before it imports anything else',
  async (file) => {
    expect(read(file).match(/^import .*/gm)).toEqual([
      "import { requireNode } from './app/node-version.ts';",
    ]);
    expect(read('src/app/node-version.ts')).not.toMatch(/^import|import\(/m);
    const older = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });`;
    const { code, stdout, stderr } = await run(file, ['--version'], {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(older)}`,
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^This program needs Node \S+ or later; this is 20\.20\.2 \(/);
  },
);
