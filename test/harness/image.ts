import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packInto } from './installed-package.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What `deploy/Dockerfile` states about containers of its image. */
export interface ImageConfig {
  Env: string[];
  Cmd: string[];
  User: string;
  WorkingDir: string;
  Volumes: Record<string, object>;
  Healthcheck: { Test: string[] };
}

/** An image that Buildah has built from `deploy/Dockerfile`. */
export interface Image {
  config: ImageConfig;
  /** Its root file system on this machine. */
  files: string;
  /** Size of its files (bytes). */
  size: number;
  remove(): void;
}

/**
 * Builds the image on a stand-in for its base image, which this machine cannot download. Needs root, Buildah, Debian
 * and npm, which installs the dependencies from its cache or the registry.
 */
export async function buildImage(): Promise<Image> {
  const directory = mkdtempSync(join(tmpdir(), 'leads-image-'));
  const context = join(directory, 'deploy');
  cpSync(join(root, 'deploy'), context, { recursive: true });
  await packInto(context);
  const storage = ['--root', join(directory, 'storage'), '--runroot', join(directory, 'run')];
  const buildah = (...words: string[]) =>
    run('buildah', [...storage, ...words], { BUILDAH_ISOLATION: 'chroot' }).trim();

  // The cast: npm's documented settings.
  const npm = JSON.parse(run('npm', ['config', 'list', '--long', '--json'])) as NpmConfig;
  const base = buildah('from', 'scratch');
  fillBase(buildah('mount', base), npm);
  const settings = ['PATH=/usr/local/bin:/usr/bin:/bin', ...npmSettings(npm)];
  buildah('config', ...settings.flatMap((setting) => ['--env', setting]), base);
  buildah('commit', '--quiet', '--rm', base, 'localhost/node-stand-in');
  const options = ['--quiet', '--pull-never', '--format', 'docker', '--network', 'host'];
  const mounts = ['--volume', `${npm.cache}:/npm-cache`];
  const argument = ['--build-arg', 'NODE_IMAGE=localhost/node-stand-in'];
  buildah('build', ...options, ...mounts, ...argument, '--tag', 'localhost/leads-api', context);

  const container = buildah('from', '--pull-never', 'localhost/leads-api');
  const files = buildah('mount', container);
  // The cast: Buildah's documented output for an image in Docker's format.
  const { Docker: image } = JSON.parse(buildah('inspect', '--type', 'image', 'localhost/leads-api')) as {
    Docker: { config: ImageConfig };
  };
  const size = Number(run('du', ['--summarize', '--bytes', files]).split('\t')[0]);
  return {
    config: image.config,
    files,
    size,
    remove: () => {
      buildah('umount', '--all');
      buildah('rm', '--all');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Fills the root file system of the stand-in. */
function fillBase(files: string, { cafile }: NpmConfig): void {
  const npm = dirname(dirname(realpathSync(run('sh', ['-c', 'command -v npm']).trim())));
  run(join(root, 'test/deploy/base-image.sh'), [files, process.execPath, npm]);
  if (cafile === null || cafile === undefined) return;
  mkdirSync(join(files, dirname(cafile)), { recursive: true });
  cpSync(cafile, join(files, cafile), { dereference: true });
}

/** Where npm keeps its cache, and how it reaches the registry from this machine. */
interface NpmConfig {
  cache: string;
  registry: string;
  cafile: string | null;
  'https-proxy': string | null;
}

/** The settings of npm in the stand-in for the base image. */
function npmSettings({ registry, cafile, 'https-proxy': proxy }: NpmConfig): string[] {
  const settings = { cache: '/npm-cache', update_notifier: 'false', registry, cafile, https_proxy: proxy };
  return Object.entries(settings).flatMap(([name, value]) =>
    value === null || value === undefined ? [] : [`npm_config_${name}=${value}`],
  );
}

function run(program: string, words: string[], environment: Record<string, string> = {}): string {
  const options = {
    cwd: root,
    env: { ...process.env, ...environment },
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  } as const;
  const { status, stdout, stderr, error } = spawnSync(program, words, options);
  if (status === 0) return stdout;
  throw new Error(`${program} ${words.join(' ')} failed: ${error ?? ''} ${stderr} ${stdout}`);
}

/** Creates a volume that belongs to the user of the image. The caller must remove it. */
export function newVolume({ User: user }: ImageConfig): string {
  const directory = mkdtempSync(join(tmpdir(), 'leads-volume-'));
  const [uid = 0, gid = 0] = user.split(':').map(Number);
  chownSync(directory, uid, gid);
  return directory;
}

/**
 * Mounts what a container runtime mounts into a container: a root file system that cannot be written, the volume, and
 * the system's own. Then it runs the program as the user of the image, without capabilities.
 */
const isolate = `set -eu
files=$1 volume=$2 user=$3; shift 3
mount --bind "$files" "$files"
mkdir -p "$files/proc" "$files/dev"
touch "$files/etc/hosts"
mount -o remount,bind,ro "$files"
mount --bind "$volume" "$files/data"
mount -t tmpfs tmpfs "$files/tmp"
mount -t proc proc "$files/proc"
mount --bind /dev "$files/dev"
mount --bind /etc/hosts "$files/etc/hosts"
exec setpriv --no-new-privs chroot --userspec="$user" --groups= "$files" /usr/bin/env "$@"
`;

/**
 * Starts a container with the network of this machine, as a runtime does with the options \`--read-only\`,
 * \`--cap-drop ALL\`, \`--security-opt no-new-privileges\` and \`--network host\`. The program is process 1.
 *
 * @param command empty: that of the image
 */
export function startContainer(
  { config, files }: Image,
  volume: string,
  environment: Record<string, string>,
  command: readonly string[] = config.Cmd,
): ChildProcessWithoutNullStreams {
  const variables = [
    ...config.Env,
    ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
  ];
  return spawn('unshare', [
    ...['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', isolate, 'sh', files, volume, config.User],
    ...['-i', '-C', config.WorkingDir, ...variables, ...command],
  ]);
}

/** Sends a signal to process 1 of a container. */
export function signalContainer({ pid }: ChildProcessWithoutNullStreams, signal: NodeJS.Signals): void {
  const [child] = execFileSync('pgrep', ['--parent', String(pid)], { encoding: 'utf8' }).split('\n');
  process.kill(Number(child), signal);
}

/** Returns a line of the status of a process in a container, such as `CapEff`. */
export function statusOf({ pid }: ChildProcessWithoutNullStreams, name: string): string {
  const [child] = execFileSync('pgrep', ['--parent', String(pid)], { encoding: 'utf8' }).split('\n');
  const status = readFileSync(`/proc/${child}/status`, 'utf8');
  return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
}
