import { shownUrl } from '../store/open.ts';
import { createLog, type Log } from '../telemetry/log.ts';
import type { FirstPartner } from './bootstrap.ts';
import { type Config, readConfig } from './config.ts';
import { firstLead, runOrExplain, type Service, signalToStop, startService } from './service.ts';
import { shutDown, shutdownTimeout } from './shutdown.ts';

/** Maximum time for a start in progress to end after a signal (ms). */
const startPatience = 2_000;

/** Runs the server until a signal stops it, then ends the process; if it cannot start, reports why and exits with 1. */
export function serve(): Promise<void> {
  return runOrExplain(serveUntilStopped);
}

async function serveUntilStopped(): Promise<void> {
  const config = await readConfig();
  const log = await createLog(config.logLevel);
  const stopped = signalToStop();
  const starting = startService(config, log);
  const service = await Promise.race([starting, stopped]);
  if (typeof service !== 'string') announce(service, config, log);

  log.info(`Stopping on ${await stopped}`);
  // A start may wait for the database or for another server's migration. Nothing is accepted yet.
  const until = typeof service === 'string' ? startPatience : shutdownTimeout;
  await shutDown([{ name: 'the server', until, run: async () => (await starting).stop() }], log);
  log.info('Stopped');
}

function announce(service: Service, { databaseUrl, defaultCountry: country }: Config, log: Log): void {
  log.info({ database: shownUrl(databaseUrl), country }, `Listening on ${service.address}`);
  if (service.first === undefined) return;
  log.flush();
  process.stdout.write(welcome(service.first, service.address));
}

function welcome(first: FirstPartner, address: string): string {
  return `
The database was empty. The server created the partner "${first.partner}" with the lead
type "${first.type}" and this key. Store the key now: it is not shown again.

  ${first.key}

To add a lead:

  ${firstLead(first, address)}

`;
}
