/** `npm run release` changes nothing unless the version can be released. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../', import.meta.url));

let directory: string;

/** Creates a repository in which 1.2.0 is the last release. No test may change it. */
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'leads-'));
  mkdirSync(join(directory, 'test/fixtures/1.2.0'), { recursive: true });
  for (const file of ['.ci/release.ts', '.ci/contract-diff.ts', 'package.json', 'CHANGELOG.md'])
    cpSync(join(root, file), join(directory, file));
  writeFileSync(join(directory, 'test/fixtures/1.2.0/openapi.yaml'), 'The contract of 1.2.0.');
  mkdirSync(join(directory, 'docs/operating'), { recursive: true });
  writeFileSync(join(directory, 'docs/operating/releases.md'), '# Releases\n\n## 1.10.0\n');
  git('init', '-q');
  git('add', '.');
  git('commit', '-qm', 'release');
  git('tag', 'v1.2.0');
});
afterEach(() => expect(git('status', '--porcelain')).toBe(''));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function git(...words: string[]): string {
  return execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...words], {
    cwd: directory,
    encoding: 'utf8',
  });
}

/** Returns why a release is rejected. */
function rejection(...words: string[]): string {
  const { status, stderr } = spawnSync(process.execPath, [join(directory, '.ci/release.ts'), ...words], {
    encoding: 'utf8',
  });
  expect(status).toBe(1);
  return stderr;
}

test.each([[[]], [['v1.3.0']], [['1.3.0-rc.1']]])('rejects the version %j', (words) => {
  expect(rejection(...words)).toBe('Name the version, such as 1.2.0: npm run release -- VERSION\n');
});

test('rejects a version that is released or lower than the last release', () => {
  expect(rejection('1.2.0')).toBe(
    'Version 1.2.0 has been released: the tag v1.2.0 exists. Choose a higher version.\n',
  );
  expect(rejection('1.1.9')).toBe('Version 1.1.9 is lower than 1.2.0. Choose a higher version.\n');
});

test('rejects uncommitted changes', () => {
  const file = join(directory, 'new.txt');
  writeFileSync(file, '');
  expect(rejection('1.3.0')).toBe('Commit or remove these changes first:\n?? new.txt\n');
  rmSync(file);
});

test('rejects a contract that cannot be compared with that of the last release', () => {
  expect(rejection('1.10.0')).toContain(
    '`node .ci/contract-diff.ts test/fixtures/1.2.0/openapi.yaml` failed.',
  );
});

test('rejects a version whose changes for operators are not described', () => {
  expect(rejection('1.11.0')).toBe(
    'docs/operating/releases.md must begin with "## 1.11.0" or "## Unreleased", and its changes.\n',
  );
});
