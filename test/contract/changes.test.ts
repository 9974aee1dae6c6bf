/** Partners read the version to see whether their code still works, so every change must raise it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse, parseDocument, visit } from 'yaml';
import { compileCache } from '../harness/process.ts';
import { temporaryDirectory } from '../harness/server.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const contract = readFileSync(join(root, 'openapi.yaml'), 'utf8');
const version: string = parse(contract).info.version;
const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);

/** Creates a repository whose latest commit, and whose last release, has the current contract. */
function repository({ rewrites = '# None.\n' } = {}) {
  const directory = temporaryDirectory();
  const git = (...words: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...words], {
      cwd: directory,
      stdio: 'pipe',
    });
  const releases = join(directory, 'test/fixtures');
  for (const [release, text] of [
    ['1.9.0', 'An earlier release.'],
    ['1.10.0', contract],
  ] as const) {
    mkdirSync(join(releases, release), { recursive: true });
    writeFileSync(join(releases, release, 'openapi.yaml'), text);
  }
  mkdirSync(join(directory, '.ci'));
  for (const file of ['openapi.yaml', 'redocly.yaml', '.ci/contract-diff.ts', '.ci/contract-diff.yaml'])
    cpSync(join(root, file), join(directory, file));
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  writeFileSync(join(directory, '.gitignore'), 'node_modules');
  writeFileSync(join(directory, '.ci/contract-rewrites.yaml'), rewrites);
  git('init', '-q');
  git('add', '.');
  git('commit', '-qm', 'release');
  const compare = (changed: string, ...revision: string[]) => {
    writeFileSync(join(directory, 'openapi.yaml'), changed);
    return spawnSync(process.execPath, ['.ci/contract-diff.ts', ...revision], {
      cwd: directory,
      encoding: 'utf8',
      env: {
        ...process.env,
        NODE_COMPILE_CACHE: compileCache,
        PATH: [join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
      },
    });
  };
  return compare;
}

function at(next: string, text: string): string {
  return text.replace(`  version: ${version}\n`, `  version: ${next}\n`);
}

const narrower = contract.replace('maxLength: 254', 'maxLength: 100');
const explained = contract.replace("The person's first name", 'First name of the person');

test('accepts the same version for an unchanged contract', () => {
  const compare = repository();
  expect(compare(contract).status).toBe(0);
});

test('requires a major version for a breaking change, and a patch for a description', () => {
  const compare = repository();
  const refused = compare(narrower);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain(
    `require a major version: set info.version of openapi.yaml to ${major + 1}.0.0`,
  );
  expect(compare(at(`${major}.${minor + 1}.0`, narrower)).status).toBe(1);
  expect(compare(at(`${major + 1}.0.0`, narrower)).status).toBe(0);
  expect(compare(explained).stderr).toContain('require a patch version');
  expect(compare(at(`${major}.${minor}.${patch + 1}`, explained)).status).toBe(0);
}, 60_000);

test('requires a minor version for new values of a member whose values are open', () => {
  const compare = repository();
  let longer = contract;
  for (const [values, extended] of [
    ['Unknown Type, Do Not Call]', 'Unknown Type, Do Not Call, Not Now]'],
    ['(call group)]', '(call group), on hold]'],
    ['failed, expired, suppressed]', 'failed, expired, suppressed, held]'],
  ] as const) {
    expect(longer).toContain(values);
    longer = longer.replace(values, extended);
  }
  const { stdout, stderr } = compare(longer);
  expect(stderr).toContain('require a minor version');
  for (const member of ['error', 'warning', 'state'])
    expect(stdout).toMatch(new RegExp(`^minor .*/${member}\\b`, 'm'));
  expect(compare(at(`${major}.${minor + 1}.0`, longer)).status).toBe(0);
});

test('does not count a change that is listed as one of notation, except in comparison with a revision', () => {
  const path = '#/paths/~1lead~1add/post/requestBody/content/application~1json/schema/properties/email';
  const compare = repository({
    rewrites: `- path: "${path}"\n  properties: [maxLength]\n  reason: A test.\n`,
  });
  expect(compare(narrower).status).toBe(0);
  expect(compare(narrower, 'HEAD').stderr).toContain('require a major version');
  expect(compare(contract).stderr).toBe(
    `Nothing has changed at ${path}. Remove it from .ci/contract-rewrites.yaml.\n`,
  );
});

test('compares with a revision instead of the last release', () => {
  const compare = repository();
  expect(compare(narrower, 'HEAD').stderr).toContain('require a major version');
  expect(compare(contract, 'nowhere').stderr).toBe(
    '"nowhere" is neither a file nor a revision that has an openapi.yaml.\n',
  );
});

test('openapi.yaml has no YAML aliases, because changes behind them are not compared', () => {
  const aliases: string[] = [];
  visit(parseDocument(contract), { Alias: (_key, { source }) => void aliases.push(source) });
  expect(aliases).toEqual([]);
});

test('CHANGELOG.md begins with the version of openapi.yaml', () => {
  const [, newest] = /^## (\S+)/m.exec(readFileSync(join(root, 'CHANGELOG.md'), 'utf8')) ?? [];
  expect(newest).toBe(version);
});
