/** `npm run release` changes nothing unless the version can be released. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryDirectory } from './harness/server.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Creates a repository in which 1.2.0 is the last release, and returns functions that use it. */
function repository() {
  const directory = temporaryDirectory();
  const git = (...words: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...words], {
      cwd: directory,
      encoding: 'utf8',
    });
  mkdirSync(join(directory, 'test/fixtures/1.2.0'), { recursive: true });
  for (const file of ['.ci/release.ts', '.ci/contract-diff', 'package.json', 'CHANGELOG.md'])
    cpSync(join(root, file), join(directory, file));
  writeFileSync(join(directory, 'test/fixtures/1.2.0/openapi.yaml'), 'The contract of 1.2.0.');
  git('init', '-q');
  git('add', '.');
  git('commit', '-qm', 'release');
  git('tag', 'v1.2.0');
  const release = (...words: string[]) => {
    const { status, stderr } = spawnSync(process.execPath, [join(directory, '.ci/release.ts'), ...words], {
      encoding: 'utf8',
    });
    return { status, stderr, changes: git('status', '--porcelain') };
  };
  return { directory, release };
}

test.each([[[]], [['v1.3.0']], [['1.3']], [['1.3.0-rc.1']], [['01.3.0']]])('rejects %j', (words) => {
  expect(repository().release(...words)).toEqual({
    status: 1,
    stderr: 'Name the version, such as 1.2.0: npm run release -- VERSION\n',
    changes: '',
  });
});

test('rejects a version that is released or lower than the last release', () => {
  const { release } = repository();
  const released = 'Version 1.2.0 has been released: the tag v1.2.0 exists. Choose a higher version.\n';
  expect(release('1.2.0')).toEqual({ status: 1, stderr: released, changes: '' });
  const lower = 'Version 1.1.9 is lower than 1.2.0. Choose a higher version.\n';
  expect(release('1.1.9')).toEqual({ status: 1, stderr: lower, changes: '' });
});

test('rejects uncommitted changes', () => {
  const { directory, release } = repository();
  writeFileSync(join(directory, 'new.txt'), '');
  expect(release('1.3.0')).toMatchObject({
    status: 1,
    stderr: 'Commit or remove these changes first:\n?? new.txt\n',
  });
});

test('rejects a contract that cannot be compared with the last release', () => {
  const { status, stderr, changes } = repository().release('1.10.0');
  expect({ status, changes }).toEqual({ status: 1, changes: '' });
  expect(stderr).toContain('`.ci/contract-diff test/fixtures/1.2.0/openapi.yaml` failed.');
});
