import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request as startRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { ReceivedResponse } from './contract.ts';
import { freePort } from './postgres-server.ts';

/** The host name in the shipped configurations. */
export const domain = 'leads.example';

/** A reverse proxy that runs with its shipped configuration. */
export interface Front {
  /** Port for HTTPS. */
  port: number;
  /** Port for HTTP. */
  plainPort: number;
  /** Its self-signed certificate (PEM). */
  certificate: string;
  /** Returns everything that it has logged, to its output and to files. */
  logged(): string;
  stop(): Promise<void>;
}

/** Starts a reverse proxy in front of servers on this machine. The caller must stop it. */
export type StartFront = (serverPorts: readonly number[]) => Promise<Front>;

/** Maximum duration of a proxy's start (ms), which is less than the timeout of a hook. */
const startTimeout = 20_000;

/** A user without rights, which the proxies run as if root starts the tests. */
const nobody = 65_534;
const user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};

/** Reads a shipped file. */
export function shipped(file: string): string {
  return readFileSync(fileURLToPath(new URL(`../../deploy/${file}`, import.meta.url)), 'utf8');
}

/**
 * Starts nginx with `deploy/nginx.conf`. nginx has no variables for ports and files, so these are replaced in the text.
 */
export async function startNginx(serverPorts: readonly number[]): Promise<Front> {
  const place = await newPlace();
  const { directory, port, plainPort } = place;
  const server = / {4}server 127\.0\.0\.1:3000 (.*)\n/;
  const replaced: [what: string | RegExp, by: string][] = [
    ['listen 80;', `listen ${plainPort};`],
    ['listen [::]:80;', `listen [::]:${plainPort};`],
    ['listen 443 ssl', `listen ${port} ssl`],
    ['listen [::]:443 ssl', `listen [::]:${port} ssl`],
    ['/etc/letsencrypt/live/leads.example/fullchain.pem', place.certificateFile],
    ['/etc/letsencrypt/live/leads.example/privkey.pem', place.keyFile],
    [/\/var\/log\/nginx\//g, `${directory}/`],
    [server, serverPorts.map((each) => `    server 127.0.0.1:${each} $1\n`).join('')],
  ];
  let site = shipped('nginx.conf');
  for (const [what, by] of replaced) {
    const changed = site.replace(what, by);
    if (changed === site) throw new Error(`deploy/nginx.conf does not contain ${what}.`);
    site = changed;
  }
  writeFileSync(join(directory, 'leads.conf'), site);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  // What Debian's /etc/nginx/nginx.conf contains, for a user without rights and another directory.
  writeFileSync(
    join(directory, 'nginx.conf'),
    `daemon off;
pid ${directory}/nginx.pid;
error_log stderr notice;
events { worker_connections 768; }
http {
  access_log ${directory}/access.log;
${temporary.map((name) => `  ${name}_temp_path ${directory}/${name};\n`).join('')}
  include ${directory}/leads.conf;
}
`,
  );
  const words = ['-e', 'stderr', '-p', directory, '-c', join(directory, 'nginx.conf')];
  return startFront(place, 'nginx', words, {}, 'start worker process');
}

/** Starts Caddy with `deploy/Caddyfile`, whose variables set ports, certificate and servers. */
export async function startCaddy(serverPorts: readonly number[]): Promise<Front> {
  const place = await newPlace();
  const { directory, port, plainPort } = place;
  const file = join(directory, 'Caddyfile');
  writeFileSync(file, shipped('Caddyfile'));
  const environment = {
    CADDY_ADMIN: 'off',
    HTTPS_PORT: String(port),
    HTTP_PORT: String(plainPort),
    LEADS_DOMAIN: domain,
    LEADS_TLS: `${place.certificateFile} ${place.keyFile}`,
    LEADS_SERVERS: serverPorts.map((each) => `127.0.0.1:${each}`).join(' '),
    HOME: directory,
  };
  return startFront(place, 'caddy', ['run', '--config', file], environment, 'serving initial configuration');
}

interface Place {
  directory: string;
  port: number;
  plainPort: number;
  certificateFile: string;
  keyFile: string;
}

/** Creates a directory that the user without rights can write to, with a certificate, and chooses ports. */
async function newPlace(): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), 'leads-front-'));
  const [certificateFile, keyFile] = [join(directory, 'certificate.pem'), join(directory, 'key.pem')];
  const { status, stderr } = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', `/CN=${domain}`, '-addext', `subjectAltName=DNS:${domain}`],
    ...['-out', certificateFile, '-keyout', keyFile],
  ]);
  if (status !== 0) {
    rmSync(directory, { recursive: true, force: true });
    throw new Error(`openssl failed: ${stderr}`);
  }
  chmodSync(directory, 0o755);
  if (user.uid !== undefined) for (const each of [directory, keyFile]) chownSync(each, user.uid, user.gid);
  return { directory, port: await freePort(), plainPort: await freePort(), certificateFile, keyFile };
}

async function startFront(
  place: Place,
  program: string,
  words: string[],
  environment: Record<string, string>,
  ready: string,
): Promise<Front> {
  const { directory, port, plainPort, certificateFile } = place;
  const child = spawn(program, words, {
    ...user,
    cwd: directory,
    env: { PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = outputOf(child);
  try {
    await output.until(ready);
  } catch (error) {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
  const isLog = (file: string) => file.endsWith('.log');
  return {
    port,
    plainPort,
    certificate: readFileSync(certificateFile, 'utf8'),
    logged: () =>
      [
        output.text(),
        ...readdirSync(directory)
          .filter(isLog)
          .map((file) => readFileSync(join(directory, file), 'utf8')),
      ].join('\n'),
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function outputOf(child: ChildProcessByStdio<null, Readable, Readable>) {
  let text = '';
  let onText = () => {};
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk;
      onText();
    });
  }
  const until = (expected: string) =>
    new Promise<void>((resolve, reject) => {
      onText = () => {
        if (text.includes(expected)) resolve();
      };
      const late = setTimeout(
        () => reject(new Error(`${child.spawnfile} did not start within ${startTimeout} ms: ${text}`)),
        startTimeout,
      );
      late.unref();
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`${child.spawnfile} exited with ${code}: ${text}`)));
      onText();
    });
  return { text: () => text, until };
}

/** A request through a reverse proxy. */
export interface FrontRequest {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
  /** Parts of a chunked body. */
  chunks?: readonly string[];
  /** Loopback address of the client. */
  from?: string;
  agent?: Agent;
}

/** Options of a connection to a reverse proxy. */
export function connectionTo(front: Front, from = '127.0.0.1'): ConnectionOptions & { localAddress: string } {
  return {
    host: '127.0.0.1',
    port: front.port,
    localAddress: from,
    ca: front.certificate,
    servername: domain,
  };
}

/** Sends a request to a reverse proxy over HTTPS, and verifies its certificate. */
export function through(front: Front, sent: FrontRequest): Promise<ReceivedResponse> {
  const {
    method = 'POST',
    path,
    headers = {},
    body,
    chunks,
    from,
    agent = new Agent({ keepAlive: false }),
  } = sent;
  return new Promise((resolve, reject) => {
    const request = startRequest(
      {
        ...connectionTo(front, from),
        method,
        path,
        agent,
        headers: { Host: domain, 'Content-Type': 'application/json', ...headers },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', reject);
        response.on('end', () => {
          const received = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
          const isJson = response.headers['content-type'] === 'application/json';
          const json: unknown = isJson ? JSON.parse(text) : undefined;
          resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(received), text, json });
        });
      },
    );
    request.on('error', reject);
    if (body !== undefined) request.setHeader('Content-Length', Buffer.byteLength(body));
    for (const chunk of chunks ?? []) request.write(chunk);
    request.end(body);
  });
}

/** Opens a TLS connection to a reverse proxy. */
export function openTls(front: Front): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect(connectionTo(front), () => resolve(socket));
    socket.once('error', reject);
  });
}
