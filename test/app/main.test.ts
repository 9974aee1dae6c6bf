/** The server as a process: start, stop, crash and invalid configuration. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../../src/app/config.ts';
import { diallers } from '../../src/delivery/diallers.ts';
import { digestOf } from '../../src/partners/key.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { executeCli } from '../harness/cli.ts';
import { openRaw, rawRequest, responsesOn, send, type Target } from '../harness/client.ts';
import { requestValue, responseValue } from '../harness/contract.ts';
import { mobileOf } from '../harness/mobile.ts';
import { startObservedServer } from '../harness/observed-server.ts';
import { finished, run, skipWithout, start, untilOutput } from '../harness/process.ts';
import { listening } from '../harness/receiver.ts';
import { leadsIn, submissionsIn, temporaryDirectory } from '../harness/server.ts';
import { untilListening } from '../harness/server-process.ts';

const accepted = responseValue('addLead', 200, 'accepted');
const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

function settings(): { PORT: string; DATABASE_URL: string; file: string } {
  const file = join(temporaryDirectory(), 'data', 'leads.db');
  return { PORT: '0', DATABASE_URL: `sqlite:${file}`, file };
}

/** Starts the server and returns its URL and first key. */
async function startMain({ file: _file, ...environment }: Record<string, string>) {
  const child = start('src/main.ts', [], environment);
  return { child, ...(await untilListening(child)) };
}

/** Starts the server on a store that is not empty. */
async function startMainAgain({ file: _file, ...environment }: Record<string, string>) {
  const child = start('src/main.ts', [], environment);
  return { child, ...(await untilListening(child, false)) };
}

/** Returns the mobile numbers of all leads in a store. */
async function mobilesIn(file: string): Promise<string[]> {
  const store = openSqliteStore(file);
  const leads = await leadsIn(store);
  await store.close();
  return leads.map(({ mobile }) => mobile);
}

/** Returns a lead for a person who is unique within the test. */
function lead(index: number) {
  return { ...requestValue('addLead', 'accepted'), mobile: mobileOf(index) };
}

test('creates a first partner on an empty store, and prints a command that works', async (context) => {
  const { output, welcome } = await startMain(settings());
  const [curl = ''] = /curl [\s\S]*\}'\n/.exec(welcome) ?? [];
  expect(curl).toContain("'Authorization: Bearer leads_");
  // A log collector reads it.
  expect(output).not.toContain('leads_');
  skipWithout(context, ['curl', '--version']);
  const { stdout } = await promisify(execFile)('sh', ['-c', curl]);
  expect(JSON.parse(stdout)).toEqual(accepted);
});

test('prints the first key only once', async () => {
  const environment = settings();
  const first = await startMain(environment);
  first.child.kill('SIGTERM');
  await finished(first.child);
  const second = start('src/main.ts', [], { PORT: '0', DATABASE_URL: environment.DATABASE_URL });
  const end = finished(second);
  await untilListening(second, false);
  second.kill('SIGTERM');
  const { stdout, stderr } = await end;
  expect(stdout).not.toContain('leads_');
  expect(stderr).toBe('');
});

test('adds no first partner if the key would not appear in a terminal, and logs how to add one', async () => {
  const { file, ...environment } = settings();
  await openSqliteStore(file).close();
  const child = start('src/main.ts', [], { ...environment, BOOTSTRAP: 'auto' });
  const end = finished(child);
  const { output } = await untilListening(child, false);
  child.kill('SIGTERM');
  expect((await end).stderr).toBe('');
  const [, advice = ''] = /The store has no partners, .*? run (.*?)"/.exec(output) ?? [];
  const commands = [...advice.matchAll(/`npm run -s leads -- (.*?)`/g)].map(([, words = '']) =>
    words.split(' '),
  );
  expect(commands).toHaveLength(3);
  for (const words of commands) {
    expect((await run('src/cli.ts', words, environment)).code).toBe(0);
  }
  const again = await startMainAgain(environment);
  expect(again.output).not.toContain('The store has no partners');
  expect((await run('src/cli.ts', ['partner', 'delete', 'demo', '--yes'], environment)).code).toBe(0);
  expect((await startMainAgain(environment)).output).toContain(
    'No partner is active, so every request is rejected. Run `npm run -s leads -- partner add` with a new name, and `npm run -s leads -- key create`.',
  );
});

test('shows the first key in a terminal, below the log', async (context) => {
  const python = ['python3', '-c', 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]))'];
  skipWithout(context, [...python, 'true']);
  const { file: _file, ...environment } = settings();
  const child = spawn(python[0] ?? '', [...python.slice(1), process.execPath, main], {
    env: { PATH: process.env['PATH'], ...environment },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const screen = await untilOutput(child, /-d '[\s\S]*'\r\n/);
  expect(screen).toMatch(/The server is listening on [\s\S]*\r\n {2}leads_[\w-]+\r\n[\s\S]*Bearer leads_/);
});

test.each(['PORT', 'METRICS_PORT'])(
  'prints the first key at the next start if %s was in use',
  async (name) => {
    const environment = { ...settings(), METRICS_PORT: 'off' };
    const port = String(await listening(createServer()));
    const { code, stderr } = await run('src/main.ts', [], { ...environment, [name]: port });
    expect(code).toBe(1);
    expect(stderr).not.toContain('leads_');
    const { target } = await startMain(environment);
    expect((await send(target, 'addLead', { body: lead(0) })).json).toEqual(accepted);
  },
);

test('prints the first key even if a signal arrives before the start is complete', async () => {
  const { file, ...environment } = settings();
  // The last line before the first partner is added. The signal is handled at once.
  const signalDuringStart = `const { write } = process.stdout;
    process.stdout.write = (text, ...others) => {
      if (String(text).includes('Metrics are available')) process.emit('SIGTERM', 'SIGTERM');
      return write.call(process.stdout, text, ...others);
    };`;
  const { code, stdout, stderr } = await run('src/main.ts', [], {
    ...environment,
    METRICS_PORT: '0',
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(signalDuringStart)}`,
  });
  expect(code).toBe(0);
  expect(stdout).not.toContain('listening on');
  const [key = ''] = /leads_[\w-]{20,}/.exec(stderr) ?? [];
  const store = openSqliteStore(file);
  expect((await store.keyHolder(digestOf(key)))?.partner.name).toBe('demo');
  await store.close();
});

test('leaves an empty store empty with BOOTSTRAP=off', async () => {
  const { file, ...environment } = settings();
  await openSqliteStore(file).close();
  const child = start('src/main.ts', [], { ...environment, BOOTSTRAP: 'off' });
  await untilListening(child, false);
  child.kill('SIGTERM');
  await finished(child);
  const store = openSqliteStore(file);
  expect(await Array.fromAsync(store.partners())).toEqual([]);
  expect(await Array.fromAsync(store.types())).toEqual([]);
  await store.close();
});

test.each([
  ['with BOOTSTRAP=off', 'off'],
  ['if nobody would see it in a terminal', 'auto'],
])(
  'does not create a missing store, which may be on a volume that is not mounted, %s',
  async (_, setting) => {
    const { file, ...environment } = settings();
    const { target, child } = await startMain(environment);
    const end = finished(child);
    child.kill('SIGTERM');
    await end;
    const volume = dirname(file);
    renameSync(volume, `${volume}-elsewhere`);
    const missing = (finding: string) => ({
      code: 1,
      stdout: '',
      stderr: `The server did not start: ${finding} If this is a new installation, run \`npm run -s leads -- store create\`. Otherwise, its URL (DATABASE_URL) is wrong, or its volume is not mounted.\n`,
    });
    const attempt = () => run('src/main.ts', [], { ...environment, BOOTSTRAP: setting });
    expect(await attempt()).toEqual(missing(`The store ${file} does not exist.`));
    expect(existsSync(volume)).toBe(false);
    // The mount point exists, or the volume is that of another machine.
    mkdirSync(volume);
    expect(await attempt()).toEqual(missing(`The store ${file} does not exist.`));
    expect(readdirSync(volume)).toEqual([]);
    writeFileSync(file, '');
    expect(await attempt()).toEqual(missing(`The file ${file} is empty.`));
    expect(statSync(file).size).toBe(0);

    rmSync(volume, { recursive: true });
    renameSync(`${volume}-elsewhere`, volume);
    const again = start('src/main.ts', [], { ...environment, BOOTSTRAP: setting });
    const { target: mounted } = await untilListening(again, false);
    expect((await send({ ...mounted, key: target.key }, 'addLead')).status).toBe(200);
  },
);

test('a server without a store starts once `leads store create` has created one', async () => {
  const environment = { ...settings(), BOOTSTRAP: 'off' };
  expect((await run('src/main.ts', [], environment)).code).toBe(1);
  expect((await run('src/cli.ts', ['store', 'create'], environment)).code).toBe(0);
  await untilListening(start('src/main.ts', [], environment), false);
});

test('without any setting, creates the store and prints the first key, also if there is no terminal', async () => {
  const directory = temporaryDirectory();
  const environment = { BOOTSTRAP: 'auto', PORT: '0' };
  const child = start('src/main.ts', [], environment, directory);
  const { target } = await untilListening(child);
  expect((await send(target, 'addLead')).status).toBe(200);
  expect(readdirSync(directory)).toEqual(['data']);
});

test('says that DATABASE_URL is not set if the store at its default path does not exist', async () => {
  const directory = temporaryDirectory();
  const finding = `The store ${join(directory, 'data', 'leads.db')} does not exist. DATABASE_URL is not set, and this is its default. Set DATABASE_URL to the store or, if this is a new installation, run \`npm run -s leads -- store create\`.\n`;
  const server = await run('src/main.ts', [], { BOOTSTRAP: 'off' }, directory);
  expect(server).toEqual({ code: 1, stdout: '', stderr: `The server did not start: ${finding}` });
  expect(await run('src/cli.ts', ['partner', 'list'], {}, directory)).toEqual({
    code: 1,
    stdout: '',
    stderr: finding,
  });
  expect(readdirSync(directory)).toEqual([]);
});

test('/status reports why every request is rejected while no partner is active', async () => {
  const { file, ...environment } = settings();
  const server = await startObservedServer(environment);
  const status = async () => (await fetch(server.metricsUrl.replace('/metrics', '/status'))).json();
  expect(await status()).not.toHaveProperty('partners');
  const store = openSqliteStore(file);
  onTestFinished(() => store.close());
  await store.suspendPartner('demo');
  expect(await status()).toMatchObject({
    ready: true,
    partners: expect.stringMatching(
      /^Every partner is suspended, so every request is rejected\. Run `npm run/,
    ),
  });
});

/** Begins to add a lead. The request is in flight until `complete` sends its body. */
async function beginToAdd(target: Target, index: number) {
  const { head, body } = rawRequest(target, 'addLead', lead(index), { Expect: '100-continue' });
  const socket = openRaw(target);
  onTestFinished(() => void socket.destroy());
  socket.write(head);
  // `100 Continue` shows that the head was read.
  await once(socket, 'data');
  const received = responsesOn(socket, 1);
  return async () => {
    socket.write(body);
    return (await received)[0];
  };
}

test('responds to requests in flight after SIGTERM, closes the store and exits with 0', async () => {
  const environment = settings();
  const { child, target } = await startMain(environment);
  const begun = await Promise.all(Array.from({ length: 20 }, (_, index) => beginToAdd(target, index)));
  const end = finished(child);
  child.kill('SIGTERM');
  await untilOutput(child, /is stopping \(SIGTERM\)/);
  for (const response of await Promise.all(begun.map((complete) => complete()))) {
    expect(response?.json).toEqual(accepted);
    // Otherwise the server would wait for the client's idle connection.
    expect(response?.headers['connection']).toBe('close');
  }
  expect((await end).code).toBe(0);
  expect(existsSync(`${environment.file}-wal`)).toBe(false);
  expect(await mobilesIn(environment.file)).toHaveLength(20);
});

test('stops with `npm start`, and ignores a second signal', async () => {
  const { file: _file, ...environment } = settings();
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const node = dirname(process.execPath);
  const shell = spawn('sh', ['-c', scripts.start], {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    env: { PATH: `${node}${delimiter}${process.env['PATH']}`, BOOTSTRAP: 'on', ...environment },
  });
  onTestFinished(() => void shell.kill('SIGKILL'));
  const { target } = await untilListening(shell);
  const complete = await beginToAdd(target, 1);
  const end = finished(shell);
  const stopping = untilOutput(shell, /is stopping \(SIGINT\)/);
  // npm signals the shell that it started.
  shell.kill('SIGINT');
  await stopping;
  shell.kill('SIGINT');
  expect((await complete())?.json).toEqual(accepted);
  expect((await end).code).toBe(0);
});

test('stops despite idle connections', async () => {
  const { child, target } = await startMain(settings());
  const { hostname, port } = new URL(target.url);
  const idle = connect(Number(port), hostname);
  await once(idle, 'connect');
  const closed = once(idle, 'close');
  const end = finished(child);
  child.kill('SIGTERM');
  await closed;
  expect((await end).code).toBe(0);
});

test('stops on SIGTERM although nobody reads the log', async () => {
  const { child, target } = await startMain({ ...settings(), RATE_LIMIT: 'off' });
  child.stdout.pause();
  const { hostname, port } = new URL(target.url);
  const head = `POST /lead/status?key=${target.key} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n`;
  const requests = `${`${head}\r\n{}`.repeat(49)}${head}Connection: close\r\n\r\n{}`;
  // Together, their log lines exceed the buffer of a pipe.
  for (let round = 0; round < 60; round += 1) {
    const client = connect(Number(port), hostname).resume();
    client.write(requests);
    await once(client, 'end');
  }
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});

test('keeps every lead with "saved": true after kill -9', async () => {
  const environment = settings();
  const { child, target } = await startMain(environment);
  const acknowledged: string[] = [];
  const senders = Array.from({ length: 10 }, async (_, sender) => {
    for (let index = sender; ; index += 10) {
      const body = lead(index);
      const response = await send(target, 'addLead', { body }).catch(() => undefined);
      if (response === undefined) return;
      expect(response.json).toEqual(accepted);
      acknowledged.push(body.mobile);
      if (acknowledged.length === 300) child.kill('SIGKILL');
    }
  });
  await Promise.all(senders);
  const stored = await mobilesIn(environment.file);
  expect(new Set(stored).size).toBe(stored.length);
  expect(stored).toEqual(expect.arrayContaining(acknowledged));
  const store = openSqliteStore(environment.file);
  expect(await submissionsIn(store)).toHaveLength(stored.length);
  await store.close();
});

test('applies what the CLI does from the next request on', async () => {
  const environment = settings();
  const { target } = await startMain(environment);
  const cli = (...words: string[]) => run('src/cli.ts', words, environment);
  await cli('type', 'add', 'home-insurance', '--always');
  await cli('partner', 'add', 'broker', '--type', 'home-insurance');
  const { stdout } = await cli('key', 'create', 'broker');
  const { id, key } = JSON.parse(stdout);
  const body = { ...lead(1), type: 'home-insurance' };
  expect((await send({ ...target, key }, 'addLead', { body })).json).toEqual(accepted);
  expect((await send(target, 'addLead', { body })).json).toEqual(
    responseValue('addLead', 200, 'unknown-type'),
  );
  await cli('partner', 'grant', 'demo', 'home-insurance');
  expect((await send(target, 'addLead', { body })).json).toEqual(
    responseValue('addLead', 200, 'already-scheduled'),
  );
  await cli('key', 'revoke', id, '--yes');
  expect((await send({ ...target, key }, 'addLead', { body })).status).toBe(401);
});

// Without a cache, the first start compiles every module, which takes several times as long on a busy machine.
test('shares the module cache between the server and the CLI', { timeout: 120_000 }, async () => {
  const environment = { ...settings(), NODE_COMPILE_CACHE: temporaryDirectory() };
  const { child } = await startMain(environment);
  const end = finished(child);
  child.kill('SIGTERM');
  // Node writes the cache when the process exits.
  expect((await end).code).toBe(0);
  const withDebugOutput = { ...environment, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' };
  const { code, stderr } = await run('src/cli.ts', ['type', 'list'], withDebugOutput);
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/sqlite-store\.ts was accepted/);
  expect(stderr).not.toMatch(/was rejected/);
});

test.each([
  [{ PORT: 'http' }, 'PORT must be a port, from 0 (any free port) to 65535; it is "http".'],
  [{ PORT: '65536' }, 'PORT must be a port, from 0 (any free port) to 65535; it is "65536".'],
  [{ HOST: ' ' }, 'HOST must be an address of this machine, such as 127.0.0.1 or 0.0.0.0; it is " ".'],
  [
    { DATABASE_URL: 'leads.db' },
    'DATABASE_URL must be sqlite: and a file, such as sqlite:data/leads.db, or postgres://user:password@host/database, in which # / ? % @ of the password are written as %23 %2F %3F %25 %40; it is "leads.db".',
  ],
  [
    { DEFAULT_COUNTRY: 'UK' },
    'DEFAULT_COUNTRY must be a country code of two letters, such as GB or DE; it is "UK".',
  ],
  [
    { ALLOWED_COUNTRIES: 'GB,UK' },
    'ALLOWED_COUNTRIES must be all, or country codes of two letters separated by commas, such as GB,IE; it is "GB,UK".',
  ],
  [
    { ALLOWED_SPECIAL_NUMBERS: 'premium' },
    'ALLOWED_SPECIAL_NUMBERS must be off, or one or more of premium-rate, satellite, separated by commas; it is "premium".',
  ],
  [
    { PUBLIC_URL: 'leads.example' },
    'PUBLIC_URL must be off, or a URL that starts with https:// or http://, such as https://leads.example; its value is not shown because it may be secret.',
  ],
  [
    { PORT: '9464', METRICS_PORT: '9464', HOST: '0.0.0.0' },
    'METRICS_PORT and PORT are both 9464. Set METRICS_PORT to a different port.',
  ],
  [{ BOOTSTRAP: 'no' }, 'BOOTSTRAP must be one of auto, on, off; it is "no".'],
  [{ DISPATCH: 'no' }, 'DISPATCH must be one of on, off; it is "no".'],
  [{ DIALLER: 'fax' }, `DIALLER must be one of none, ${Object.keys(diallers).join(', ')}; it is "fax".`],
  [{ DIALLER_CONCURRENCY: '0' }, 'DIALLER_CONCURRENCY must be a number of leads, from 1 to 1000; it is "0".'],
  [
    { DIALLER_TIMEOUT: '10s' },
    'DIALLER_TIMEOUT must be a number of milliseconds, from 1 to 300000; it is "10s".',
  ],
  [{ DIAL_WITHIN: 'a day' }, 'DIAL_WITHIN must be off, or a duration such as 24h or 90m; it is "a day".'],
  [
    { DIALLER: 'webhook', DIALLER_URL: 'https://receiver.test' },
    'DIALLER_SECRET is missing: the secret that signs the webhooks, whsec_ followed by 24 to 64 random bytes in base64.',
  ],
])('rejects the configuration %o, and names the variable', async (wrong, message) => {
  await expect(readConfig(wrong)).rejects.toMatchObject({ name: 'ConfigError', message });
});

test.each([
  [
    {},
    'This process delivers no leads (DIALLER=none). Run `npm run -s leads -- due --take 10` to deliver due leads, unless another server does.',
    {
      dialler: 'none',
      state: 'off',
      reason: 'No dialler is configured. Run `npm run -s leads -- due --take 10` to deliver due leads.',
    },
  ],
  [
    { DIALLER: 'log', DISPATCH: 'off' },
    'This process delivers no leads (DISPATCH=off).',
    { dialler: 'log', state: 'off', reason: 'This process delivers no leads (DISPATCH=off).' },
  ],
  [{ DIALLER: 'log' }, 'Due leads are delivered (DIALLER=log).', { dialler: 'log', state: 'running' }],
])(
  'reports how leads are delivered in the log and at /status, with %o',
  async (environment, line, delivery) => {
    const { output, target } = await startMain({ ...settings(), ...environment, METRICS_PORT: '0' });
    expect(output).toContain(line);
    const [, metrics = ''] = /(http:\S+)\/metrics/.exec(output) ?? [];
    expect(await (await fetch(`${metrics}/status`)).json()).toEqual({ ready: true, delivery });
    expect(await (await fetch(`${target.url}/readyz`)).json()).toEqual({ status: 'ready' });
  },
);

test('delivers due leads itself unless DISPATCH=off', async () => {
  const environment = settings();
  const intake = await startMain({ ...environment, DIALLER: 'log', DISPATCH: 'off' });
  await send(intake.target, 'addLead', { body: lead(1) });
  const dispatching = start('src/main.ts', [], {
    PORT: '0',
    DATABASE_URL: environment.DATABASE_URL,
    DIALLER: 'log',
  });
  const delivered = untilOutput(dispatching, /lead was delivered/);
  expect(await delivered).toContain('"response":"logged; nobody is called (DIALLER=log)"');
  const body = { mobile: lead(1).mobile, type: 'motor-trade' };
  await expect
    .poll(async () => (await send(intake.target, 'leadStatus', { body })).json)
    .toMatchObject({ state: 'dialled' });
});

test.each([
  'mysql://leads:secret@db.test/leads',
  'mysql://db.test/leads?password=secret',
  'db.test?user=leads&p%61ssword=secret',
  'postgres:leads:secret@db.test',
  'postgres://leads:12#secret@db.test/leads',
])('does not print an invalid DATABASE_URL that may contain a password: %s', async (url) => {
  await expect(readConfig({ DATABASE_URL: url })).rejects.toMatchObject({
    message: expect.stringMatching(
      /^DATABASE_URL must be .*; its value is not shown because it may be secret\.$/,
    ),
  });
});

test('does not start with an invalid configuration, and names all invalid variables at once', async () => {
  const wrong = { ...settings(), PORT: 'x', LOG_LEVEL: 'loud' };
  const { code, stdout, stderr } = await run('src/main.ts', [], wrong);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(
    stderr
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]),
  ).toEqual(['PORT', 'LOG_LEVEL']);
});

test.each(['PORT', 'METRICS_PORT'])(
  'does not start if another process uses the port in %s, and explains what to do',
  async (name) => {
    const port = String(await listening(createServer()));
    const { code, stderr } = await run('src/main.ts', [], { ...settings(), [name]: port });
    expect(code).toBe(1);
    expect(stderr).toBe(
      `The server did not start: another process listens on port ${port} of 127.0.0.1. Set ${name} to another port, or stop that process (EADDRINUSE).\n`,
    );
  },
);

test('does not start on another machine’s address, and explains what to do', async () => {
  // A network reserved for documentation (RFC 5737).
  const { code, stderr } = await run('src/main.ts', [], { ...settings(), HOST: '203.0.113.1' });
  expect(code).toBe(1);
  expect(stderr).toBe(
    'The server did not start: 203.0.113.1 is not an address of this machine. Set HOST to one that is, or 0.0.0.0 for all (EADDRNOTAVAIL).\n',
  );
});

test('reads .env, and gives precedence to the environment', async () => {
  const directory = temporaryDirectory();
  writeFileSync(
    join(directory, '.env'),
    'PORT=0\nBOOTSTRAP=off\nDATABASE_URL=sqlite:from-file.db\nDEFAULT_COUNTRY=DE\n',
  );
  expect((await run('src/cli.ts', ['store', 'create'], {}, directory)).code).toBe(0);
  const child = start('src/main.ts', [], { DEFAULT_COUNTRY: 'FR' }, directory);
  const { output } = await untilListening(child, false);
  expect(output).toContain('"database":"sqlite:from-file.db","country":"FR"');
  expect(existsSync(join(directory, 'from-file.db'))).toBe(true);
});

test('accepts `off` for every optional setting', async () => {
  const config = await readConfig({
    RATE_LIMIT: 'off',
    METRICS_PORT: 'off',
    SECURITY_CONTACT: 'off',
    SUPPORT_CONTACT: 'off',
    PUBLIC_URL: 'off',
    TRUST_PROXY: 'off',
    DIAL_WITHIN: 'off',
    CALLS_PER_DAY: 'off',
    EVIDENCE_RETENTION: 'off',
    ALLOWED_SPECIAL_NUMBERS: 'off',
    BOOTSTRAP: 'off',
    DISPATCH: 'off',
  });
  expect(config).toMatchObject({
    rateLimit: undefined,
    metrics: undefined,
    securityContact: undefined,
    publicUrl: undefined,
    trustedProxies: [],
    dialWithin: undefined,
    callsPerDay: undefined,
    phonePolicy: { countries: undefined, special: new Set() },
    bootstrap: 'off',
    dispatch: false,
  });
});

test('reads lists with or without spaces, and applies defaults', async () => {
  const lists = { ALLOWED_COUNTRIES: 'gb, IE', ALLOWED_SPECIAL_NUMBERS: 'satellite , premium-rate' };
  expect((await readConfig(lists)).phonePolicy).toEqual({
    countries: new Set(['GB', 'IE']),
    special: new Set(['premium-rate', 'satellite']),
  });
  expect((await readConfig({ ALLOWED_COUNTRIES: 'all' })).phonePolicy.countries).toBeUndefined();
  const config = await readConfig({});
  expect(config.phonePolicy).toEqual({ countries: undefined, special: new Set() });
  expect(config.rateLimit).toEqual({ perSecond: 100, burst: 1_000 });
});

test('reads the burst and the metrics address from the configuration', async () => {
  const config = await readConfig({
    RATE_LIMIT: '5',
    RATE_LIMIT_BURST: '7',
    METRICS_PORT: '9464',
    METRICS_HOST: '0.0.0.0',
  });
  expect(config.rateLimit).toEqual({ perSecond: 5, burst: 7 });
  expect(config.metrics).toEqual({ host: '0.0.0.0', port: 9464 });
  expect((await readConfig({ METRICS_PORT: '0' })).metrics).toEqual({ host: '127.0.0.1', port: 0 });
});

test('applies the configured burst, and serves metrics on the configured address', async () => {
  // Only on Linux do all addresses of this network belong to the machine.
  const host = process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1';
  const environment = {
    ...settings(),
    RATE_LIMIT: '5',
    RATE_LIMIT_BURST: '7',
    METRICS_PORT: '0',
    METRICS_HOST: host,
  };
  const { output, target } = await startMain(environment);
  const metricsUrl = /Metrics are available at (\S+?)\."/.exec(output)?.[1] ?? '';
  expect(new URL(metricsUrl).hostname).toBe(host);
  expect((await fetch(metricsUrl)).status).toBe(200);
  const { headers } = await send(target, 'leadStatus');
  expect(headers['ratelimit-policy']).toBe('"default";q=7;w=2');
});

test('does not start if its settings differ from those of the store, until they are changed there', async () => {
  const environment = { ...settings(), ALLOWED_COUNTRIES: 'IE, gb', DIAL_WITHIN: '120m' };
  const first = await startMain(environment);
  const { file: _file, ...other } = {
    ...environment,
    ALLOWED_COUNTRIES: 'all',
    DIAL_WITHIN: '2h',
    EVIDENCE_RETENTION: '2192d',
    DEFAULT_COUNTRY: 'IE',
  };
  expect(await run('src/main.ts', [], other)).toEqual({
    code: 1,
    stdout: '',
    stderr: [
      'The server did not start: ALLOWED_COUNTRIES is all for this server, and GB,IE in the store. Set ALLOWED_COUNTRIES=GB,IE, or run `npm run -s leads -- settings set ALLOWED_COUNTRIES all` and restart every server with that value.',
      'DEFAULT_COUNTRY is IE for this server, and GB in the store. Set DEFAULT_COUNTRY=GB, or run `npm run -s leads -- settings set DEFAULT_COUNTRY IE` and restart every server with that value.\n',
    ].join('\n'),
  });
  for (const [name, value] of [
    ['ALLOWED_COUNTRIES', 'all'],
    ['DEFAULT_COUNTRY', 'IE'],
  ] as const) {
    expect(await executeCli(['settings', 'set', name, value], other)).toMatchObject({ code: 0 });
  }
  await startMainAgain(other);
  expect((await send(first.target, 'leadStatus')).status).toBe(200);
});

test('rejects a number that is not called and logs the reason, but still finds and cancels its lead', async () => {
  const environment = settings();
  const french = '+33612345678';
  const before = await startMain(environment);
  const body = { ...requestValue('addLead', 'accepted'), mobile: french };
  expect((await send(before.target, 'addLead', { body })).json).toEqual(accepted);
  const stopped = once(before.child, 'close');
  before.child.kill('SIGTERM');
  await stopped;

  const restricted = { ...environment, ALLOWED_COUNTRIES: 'GB' };
  await executeCli(['settings', 'set', 'ALLOWED_COUNTRIES', 'GB'], environment);
  const child = start('src/main.ts', [], restricted);
  const target = { ...before.target, url: (await untilListening(child, false)).target.url };
  const lines = untilOutput(child, /(?:"field"[\s\S]*){3}\n/);
  expect((await send(target, 'addLead', { body })).json).toEqual({
    mobile: { 0: 'Mobile is not a valid phone number.' },
  });
  const others = { ...body, mobile: '09098790000', other_phone: french };
  expect((await send(target, 'addLead', { body: others })).json).toEqual({
    mobile: { 0: 'Mobile is not a valid phone number.' },
    other_phone: { 0: 'Other Phone is not a valid phone number.' },
  });
  const output = await lines;
  const logged = output
    .split('\n')
    .filter((line) => line.includes('"field"'))
    .map((line) => JSON.parse(line));
  const about = { operation: 'addLead', partner: 'demo', msg: 'A phone number is not allowed.' };
  const abroad = 'a number of FR, which ALLOWED_COUNTRIES does not list';
  expect(logged).toMatchObject([
    { ...about, field: 'mobile', reason: abroad },
    {
      ...about,
      field: 'mobile',
      reason: 'a premium-rate number, which ALLOWED_SPECIAL_NUMBERS does not list',
    },
    { ...about, field: 'other_phone', reason: abroad },
  ]);
  expect(output).not.toMatch(/612345678|9098790000/);

  const shown = await run('src/cli.ts', ['lead', 'show', french, '--json'], restricted);
  expect(JSON.parse(shown.stdout).leads).toMatchObject([{ mobile: french, state: 'scheduled' }]);
  const person = { mobile: french, type: 'motor-trade' };
  expect((await send(target, 'leadStatus', { body: person })).json).toMatchObject({ found: true });
  expect((await send(target, 'cancelLead', { body: person })).json).toEqual({ cancelled: true });
});

test('saves when a key was last used by the time it has stopped', async () => {
  const environment = settings();
  const { child, target } = await startMain(environment);
  const before = Date.now();
  await send(target, 'leadStatus');
  child.kill('SIGTERM');
  await once(child, 'close');
  const store = openSqliteStore(environment.file);
  onTestFinished(() => store.close());
  const [key] = await Array.fromAsync(store.keys(undefined));
  expect(key?.lastUsedAt).toBeGreaterThanOrEqual(before);
});

test('replays idempotency records for a day, and deletes older ones at the start', async () => {
  const environment = settings();
  const { child, target } = await startMain(environment);
  for (const name of ['old', 'new']) {
    await send(target, 'cancelLead', { headers: { 'Idempotency-Key': name } });
  }
  child.kill('SIGTERM');
  await once(child, 'close');
  const database = new DatabaseSync(environment.file);
  onTestFinished(() => database.close());
  const hour = 3_600_000;
  const age = database.prepare('UPDATE idempotency_record SET recorded_at = ? WHERE idempotency_key = ?');
  age.run(Date.now() - 24 * hour - 1_000, 'old');
  age.run(Date.now() - 23 * hour, 'new');
  const {
    target: { url },
  } = await startMainAgain(environment);
  const left = () => database.prepare('SELECT idempotency_key AS name FROM idempotency_record').all();
  await expect.poll(left).toEqual([{ name: 'new' }]);
  const again = (name: string) =>
    send({ ...target, url }, 'cancelLead', { headers: { 'Idempotency-Key': name } });
  expect((await again('new')).headers).toHaveProperty('idempotent-replayed');
  expect((await again('old')).headers).not.toHaveProperty('idempotent-replayed');
});

test('accepts leads after the reader of its log has ended, and counts the lines that are lost', async () => {
  const { child, target, output } = await startMain({ ...settings(), METRICS_PORT: '0' });
  const [metrics = ''] = /http:\S+\/metrics/.exec(output) ?? [];
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdout.destroy();
  for (let index = 0; index < 5; index += 1) {
    expect((await send(target, 'addLead', { body: lead(index) })).json).toEqual(accepted);
  }
  await expect
    .poll(() => stderr)
    .toBe('The log can no longer be written: write EPIPE. Restart the server to log again.\n');
  await expect
    .poll(async () => (await fetch(metrics)).text())
    // At least one line for each request.
    .toMatch(/^leads_log_lines_dropped_total ([5-9]|\d\d)$/m);
});
