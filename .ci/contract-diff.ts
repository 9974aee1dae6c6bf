/**
 * `npm run contract:diff`: compares openapi.yaml with the contract of the last release, which `npm run release` keeps
 * in test/fixtures/, or with another file or revision. Fails if `info.version` was not raised as far as the changes
 * require.
 *
 * `redocly diff` compares notations, so it rates a different notation of the same rule as a breaking change. Those
 * since the last release that contract-rewrites.yaml lists are not counted.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const impacts = ['major', 'minor', 'patch'] as const;
type Impact = (typeof impacts)[number];

/** A change, as `redocly diff --format json` reports it. */
interface Change {
  /** JSON pointer of what has changed. */
  path: string;
  kind: string;
  impact: Impact;
  /** The keyword that has changed; undefined: all of it was added or removed. */
  property?: string;
  verdicts: { message: string }[];
}

interface Report {
  infoVersions: { base: string; revision: string };
  changes: Change[];
}

/** A change of notation. */
interface Rewrite {
  path: string;
  properties?: string[];
  reason: string;
}

/** The comparison fails; the message states why and what to do. */
class ComparisonError extends Error {}

/** Returns the contract of the last release. */
function lastRelease(): string {
  const versions = readdirSync('test/fixtures', { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort((one, other) => one.localeCompare(other, 'en', { numeric: true }));
  return `test/fixtures/${versions.at(-1)}/openapi.yaml`;
}

/** Returns a contract by its file or its revision. @throws {ComparisonError} if it is neither */
function readBase(base: string): string {
  if (existsSync(base)) return readFileSync(base, 'utf8');
  try {
    return execFileSync('git', ['show', `${base}:openapi.yaml`], { encoding: 'utf8', stdio: 'pipe' });
  } catch {
    throw new ComparisonError(`"${base}" is neither a file nor a revision that has an openapi.yaml.`);
  }
}

/** Compares a contract with openapi.yaml. @throws {ComparisonError} if one of them cannot be read */
function compare(contract: string): Report {
  const directory = mkdtempSync(join(tmpdir(), 'contract-'));
  try {
    const [base, report] = [join(directory, 'openapi.yaml'), join(directory, 'report.json')];
    writeFileSync(base, contract);
    const options = [
      '--config',
      '.ci/contract-diff.yaml',
      '--fail-on',
      'none',
      '--format',
      'json',
      '-o',
      report,
    ];
    const { status, stderr } = spawnSync('redocly', ['diff', base, 'openapi.yaml', ...options], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new ComparisonError(stderr);
    // The cast: this is the documented format of the report.
    return JSON.parse(readFileSync(report, 'utf8')) as Report;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function isRewrite({ path, property }: Change, rewrites: readonly Rewrite[]): boolean {
  return rewrites.some(
    (rewrite) =>
      rewrite.path === path &&
      (rewrite.properties === undefined || (property !== undefined && rewrite.properties.includes(property))),
  );
}

function describe({ impact, kind, path, property, verdicts }: Change): string {
  const what = `${impact.padEnd(5)}  ${kind.padEnd(8)}  ${path}${property === undefined ? '' : ` · ${property}`}`;
  return [what, ...verdicts.map(({ message }) => `       ${message}`)].join('\n');
}

/** Returns the lowest version that may follow a change. */
function nextVersion(version: string, impact: Impact): string {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  if (impact === 'major') return `${major + 1}.0.0`;
  return impact === 'minor' ? `${major}.${minor + 1}.0` : `${major}.${minor}.${patch + 1}`;
}

/** Checks that the version was raised as far as the changes require. @throws {ComparisonError} */
function checkVersion({ base, revision }: Report['infoVersions'], impact: Impact | undefined): void {
  if (impact === undefined) return;
  const required = nextVersion(base, impact);
  if (revision.localeCompare(required, 'en', { numeric: true }) >= 0) return;
  throw new ComparisonError(
    `These changes require a ${impact} version: set info.version of openapi.yaml to ${required}, instead of ${revision}, or higher.`,
  );
}

/** Returns the rewrites since the last release. @throws {ComparisonError} if nothing has changed at one of them */
function readRewrites({ changes }: Report): Rewrite[] {
  // The cast: the file is part of this program.
  const rewrites = (parse(readFileSync('.ci/contract-rewrites.yaml', 'utf8')) ?? []) as Rewrite[];
  const unused = rewrites.find(({ path }) => !changes.some((change) => change.path === path));
  if (unused === undefined) return rewrites;
  throw new ComparisonError(
    `Nothing has changed at ${unused.path}. Remove it from .ci/contract-rewrites.yaml.`,
  );
}

/** Prints the changes. @throws {ComparisonError} if the version is too low */
function check(base: string): void {
  const report = compare(readBase(base));
  const rewrites = base === lastRelease() ? readRewrites(report) : [];
  const changes = report.changes.filter((change) => !isRewrite(change, rewrites));
  for (const impact of impacts)
    for (const change of changes) if (change.impact === impact) process.stdout.write(`${describe(change)}\n`);
  const rewritten = report.changes.length - changes.length;
  process.stdout.write(`${changes.length} changes, and ${rewritten} of notation\n`);
  checkVersion(
    report.infoVersions,
    impacts.find((impact) => changes.some((change) => change.impact === impact)),
  );
}

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
try {
  check(process.argv[2] ?? lastRelease());
} catch (error) {
  if (!(error instanceof ComparisonError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
