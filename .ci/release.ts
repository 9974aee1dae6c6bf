/**
 * `npm run release -- VERSION`: prepares a release. Checks the repository and the contract, sets the version, and
 * writes the tarball, its software bills of materials and their checksums to `release/`. It commits, pushes and
 * publishes nothing, and prints what to do next.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const fixtures = 'test/fixtures';
const target = 'release';

/** The release cannot be prepared; the message states why and what to do. */
class ReleaseError extends Error {}

/** Runs a command and returns what it prints. */
function capture(command: string, ...words: string[]): string {
  return execFileSync(command, words, { encoding: 'utf8' }).trim();
}

/** Runs a command that prints its progress. @throws {ReleaseError} if it fails */
function run(command: string, ...words: string[]): void {
  try {
    execFileSync(command, words, { stdio: 'inherit' });
  } catch {
    throw new ReleaseError(`\`${[command, ...words].join(' ')}\` failed.`);
  }
}

/** Compares two versions by their numbers. */
function compareVersions(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true });
}

/** Returns the versions that have been prepared before, oldest first: each has its fixtures. */
function preparedVersions(): string[] {
  return readdirSync(fixtures, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort(compareVersions);
}

/** Checks that this version can be released from this state. @throws {ReleaseError} */
function check(version: string): void {
  if (!/^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}$/.test(version)) {
    throw new ReleaseError('Name the version, such as 1.2.0: npm run release -- VERSION');
  }
  const changes = capture('git', 'status', '--porcelain');
  if (changes !== '') throw new ReleaseError(`Commit or remove these changes first:\n${changes}`);
  if (capture('git', 'tag', '--list', `v${version}`) !== '') {
    throw new ReleaseError(
      `Version ${version} has been released: the tag v${version} exists. Choose a higher version.`,
    );
  }
  const newest = preparedVersions().at(-1);
  if (newest !== undefined && compareVersions(version, newest) < 0) {
    throw new ReleaseError(`Version ${version} is lower than ${newest}. Choose a higher version.`);
  }
}

/** Returns the version of a contract. */
function contractVersion(file: string): string {
  return /^ {2}version: (\S+)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
}

/** Compares the contract with that of the last release. Returns whether its version has changed. */
function checkContract(version: string): boolean {
  const last = preparedVersions().findLast((each) => compareVersions(each, version) < 0);
  if (last === undefined) {
    process.stdout.write('There is no earlier release, so the contract is not compared.\n');
    return true;
  }
  const contract = join(fixtures, last, 'openapi.yaml');
  run('node', '.ci/contract-diff.ts', contract);
  return contractVersion(contract) !== contractVersion('openapi.yaml');
}

/** Changes for partners, by version of the contract. */
const changesForPartners = 'CHANGELOG.md';

/** Changes for operators, by version of the program. */
const changesForOperators = 'docs/operating/releases.md';

/**
 * Returns the first heading of a list of changes, which must be that of a version.
 *
 * @throws {ReleaseError} if it is another
 */
function newestHeading(file: string, version: string): string {
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((each) => each.startsWith('## '));
  const [, name] = line?.split(' ') ?? [];
  if (line !== undefined && (name === version || line === '## Unreleased')) return line;
  throw new ReleaseError(`${file} must begin with "## ${version}" or "## Unreleased", and its changes.`);
}

/** Sets the first heading of a list of changes to this version and today's date (UTC). */
function dateChanges(file: string, version: string): void {
  const today = new Date().toISOString().slice(0, 10);
  const heading = newestHeading(file, version);
  writeFileSync(file, readFileSync(file, 'utf8').replace(heading, `## ${version} (${today})`));
}

/** Removes the changes of notation since the last release: the contract is the same as that of this release. */
function clearRewrites(): void {
  const file = '.ci/contract-rewrites.yaml';
  const comments = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('#'));
  writeFileSync(file, `${comments.join('\n')}\n`);
}

/** Writes the software bills of materials: the runtime dependencies in package-lock.json. */
function writeBills(name: string): void {
  const directory = mkdtempSync(join(tmpdir(), 'leads-release-'));
  // npm names the project after its directory.
  const project = join(directory, 'leads-api');
  mkdirSync(project);
  for (const file of ['package.json', 'package-lock.json']) cpSync(file, join(project, file));
  const options = ['--prefix', project, '--package-lock-only', '--omit', 'dev', '--sbom-type', 'application'];
  for (const format of ['cyclonedx', 'spdx']) {
    const bill = capture('npm', 'sbom', ...options, '--sbom-format', format);
    writeFileSync(join(target, `${name}.${format}.json`), `${bill}\n`);
  }
  rmSync(directory, { recursive: true });
}

/** Writes SHA256SUMS, which `sha256sum --check` reads. */
function writeChecksums(): void {
  const sums = readdirSync(target).map(
    (file) =>
      `${createHash('sha256')
        .update(readFileSync(join(target, file)))
        .digest('hex')}  ${file}\n`,
  );
  writeFileSync(join(target, 'SHA256SUMS'), sums.join(''));
}

function nextSteps(version: string): string {
  return `
Version ${version} is prepared in ${target}/. Next:

  npm test
  git add --all
  git commit --message 'Release ${version}'
  git tag --annotate v${version} --message 'Release ${version}'
  git push --follow-tags

Then publish the files of ${target}/ with the tag. To discard the release instead:

  git reset --hard && git clean -d --force ${fixtures} && rm -r ${target}

`;
}

function prepare(version: string): void {
  check(version);
  newestHeading(changesForOperators, version);
  if (checkContract(version)) dateChanges(changesForPartners, contractVersion('openapi.yaml'));
  dateChanges(changesForOperators, version);
  run('npm', 'version', version, '--no-git-tag-version', '--allow-same-version');
  run('npm', 'run', 'fixtures');
  clearRewrites();
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  run('npm', 'pack', '--silent', '--pack-destination', target);
  writeBills(`leads-api-${version}`);
  writeChecksums();
  process.stdout.write(nextSteps(version));
}

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
try {
  prepare(process.argv[2] ?? '');
} catch (error) {
  if (!(error instanceof ReleaseError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
