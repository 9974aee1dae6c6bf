import { execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { type Finished, finished } from './process.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const execute = promisify(execFile);

/** A package that is installed with `npm install -g` into a directory of its own. */
export interface InstalledPackage {
  /** Remove it after the tests. */
  directory: string;
  /** The installed files. */
  files: string;
  /** Size of the tarball (bytes), and the paths of its files. */
  tarball: { size: number; paths: string[] };
  /** The `PATH` on which the commands are found, with the minimum version of Node. */
  path: string;
}

/** Packs this repository and installs the tarball, on the minimum version of Node. */
export async function installPackage(): Promise<InstalledPackage> {
  const node = minimumNode();
  const directory = mkdtempSync(join(tmpdir(), 'leads-package-'));
  const tarball = await packInto(directory);
  const prefix = join(directory, 'prefix');
  const file = join(directory, tarball.filename);
  const options = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  await execute('npm', ['install', '--global', '--prefix', prefix, ...options, file], { cwd: directory });
  return {
    directory,
    files: join(prefix, 'lib/node_modules/leads-api'),
    tarball: { size: tarball.size, paths: tarball.files.map(({ path }) => path) },
    path: [join(prefix, 'bin'), await node, '/usr/bin', '/bin'].join(delimiter),
  };
}

/** Packs this repository. Returns npm's description of the tarball, which it creates in the directory. */
export async function packInto(
  directory: string,
): Promise<{ filename: string; size: number; files: { path: string }[] }> {
  const source = mkdtempSync(join(tmpdir(), 'leads-source-'));
  try {
    // A copy, so that tests that run at the same time see no compiled files in the repository.
    const isCopied = (file: string) =>
      !/^(\.git|node_modules|data|reports|test|bench|dist)$/.test(file.slice(root.length));
    cpSync(root, source, { recursive: true, filter: isCopied });
    symlinkSync(join(root, 'node_modules'), join(source, 'node_modules'));
    const packed = await execute('npm', ['pack', '--json', '--silent', '--pack-destination', directory], {
      cwd: source,
    });
    const [tarball] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf('[')));
    return tarball;
  } finally {
    rmSync(source, { recursive: true, force: true });
  }
}

/** Starts an installed command in the package's temporary directory. It is killed after the test. */
export function startInstalled(
  { directory, path }: InstalledPackage,
  command: string,
  words: string[],
  environment: Record<string, string> = {},
) {
  const child = spawn(command, words, { cwd: directory, env: { PATH: path, ...environment } });
  onTestFinished(() => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  });
  return child;
}

/** As `startInstalled`, until the command exits. */
export function runInstalled(...command: Parameters<typeof startInstalled>): Promise<Finished> {
  return finished(startInstalled(...command));
}

/**
 * Returns the directory of the minimum version of Node in package.json. It is installed once, in `node_modules/.cache`.
 */
async function minimumNode(): Promise<string> {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const version = `${engines.node.replace('>=', '')}.0`;
  const { platform, arch } = process;
  // The npm package `node` installs one of these.
  const name = `${platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node'}-${platform}-${arch}`;
  const prefix = join(root, 'node_modules/.cache', `node-${version}`);
  const directory = join(prefix, 'node_modules', name, 'bin');
  if (!existsSync(join(directory, 'node'))) {
    mkdirSync(prefix, { recursive: true });
    await execute('npm', ['install', '--prefix', prefix, '--no-save', '--no-audit', `${name}@${version}`]);
  }
  return directory;
}
