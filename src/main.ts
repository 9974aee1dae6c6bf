import { bootstrap, type FirstPartner } from './bootstrap.ts';
import { ConfigError, readConfig } from './config.ts';
import { phoneReader } from './leads/phone.ts';
import { createApp } from './server/app.ts';
import { startHttpServer } from './server/http-server.ts';
import { openStore } from './store/open.ts';
import { createLog } from './telemetry/log.ts';

try {
  await main();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(
    error instanceof ConfigError ? `${message}\n` : `The server did not start: ${message}\n`,
  );
  process.exit(1);
}

async function main(): Promise<void> {
  const config = readConfig();
  const log = await createLog(config.logLevel);
  const stopped = signalToStop();
  const store = openStore(config.databaseUrl);
  const readPhone = phoneReader(config.defaultCountry);
  const first = config.bootstrap ? await bootstrap(store) : undefined;
  const app = createApp({ store, readPhone, log });
  const server = await startHttpServer(app, { host: config.host, port: config.port, log });

  const address = `http://${reachable(server.host)}:${server.port}`;
  log.info({ database: config.databaseUrl, country: config.defaultCountry }, `Listening on ${address}`);
  if (first !== undefined) process.stdout.write(firstLead(first, address));

  log.info(`Stopping on ${await stopped}`);
  await server.stop();
  await store.close();
  log.info('Stopped');
}

/** The signal that asks the process to stop. It is heeded from the start on, once the start is done. */
function signalToStop(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}

/** An address that can be pasted on this machine, where the server listens on all of them. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

function firstLead({ partner, type, key }: FirstPartner, address: string): string {
  return `
The store was empty. It now has the partner "${partner}" with the lead type "${type}" and this key,
which is shown this once:

  ${key}

A first lead:

  curl '${address}/lead/add?key=${key}' \\
    -H 'Content-Type: application/json' \\
    -d '{"email":"john.doe@test.com","first_name":"John","surname":"Doe","mobile":"07840258823","type":"${type}"}'

`;
}
