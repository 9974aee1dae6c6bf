import { redactedUrl } from '../store/store-url.ts';
import { createLog, type Log } from '../telemetry/log.ts';
import { addLeadCommand, type FirstPartner } from './bootstrap.ts';
import { type Config, readConfig } from './config.ts';
import { readEnvironment } from './env-file.ts';
import { runProgram } from './process.ts';
import { saveModuleCache } from './runtime.ts';
import { requestedText } from './server-arguments.ts';
import { type Service, startService } from './service.ts';
import { shutDown, shutdownTimeout } from './shutdown.ts';

/** Maximum time for a start in progress to end after a signal (ms). */
const startTimeout = 2_000;

/** Runs the server until a signal stops it, then ends the process. If it cannot start, prints why and exits with 1. */
export function serve(): Promise<void> {
  return runProgram(serveUntilStopped);
}

async function serveUntilStopped(stopSignal: Promise<NodeJS.Signals>): Promise<void> {
  const text = requestedText(process.argv.slice(2));
  if (text !== undefined) {
    process.stdout.write(text);
    return;
  }
  const config = await readConfig(readEnvironment());
  const log = await createLog(config.logLevel);
  const starting = startService(config, log);
  const service = await Promise.race([starting, stopSignal]);
  if (typeof service !== 'string') {
    announce(service, config, log);
    saveModuleCache();
  }

  log.info(`The server is stopping (${await stopSignal}).`);
  // If the server is still starting, it may be waiting for the database or for another server's migration.
  const until = typeof service === 'string' ? startTimeout : shutdownTimeout;
  const stop = async () => {
    const started = await starting;
    // The store keeps the first partner, and its key is not shown at the next start.
    if (typeof service === 'string') printFirstSteps(started, log);
    await started.stop();
  };
  await shutDown([{ name: 'the server', until, run: stop }], log);
  log.info('The server has stopped.');
}

function announce(service: Service, config: Config, log: Log): void {
  const { databaseUrl, defaultCountry: country } = config;
  log.info({ database: redactedUrl(databaseUrl), country }, `The server is listening on ${service.url}.`);
  printFirstSteps(service, log);
}

function printFirstSteps({ url, firstPartner }: Service, log: Log): void {
  if (firstPartner === undefined) return;
  log.flush();
  // Not on standard output, which a log collector reads.
  process.stderr.write(firstSteps(firstPartner, url));
}

function firstSteps(first: FirstPartner, url: string): string {
  return `
The store was empty. The server created the partner "${first.partner}" with the lead
type "${first.type}" and this key. Store the key now: it is not shown again.

  ${first.key}

To add a lead:

  ${addLeadCommand(first, url)}

`;
}
