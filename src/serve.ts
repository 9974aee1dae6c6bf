import type { FirstPartner } from './bootstrap.ts';
import { readConfig } from './config.ts';
import { firstLead, runOrExplain, signalToStop, startService } from './service.ts';
import { shownUrl } from './store/open.ts';
import { createLog } from './telemetry/log.ts';

/** Runs the server until a signal stops it; where it cannot start, says why and ends the process with 1. */
export function serve(): Promise<void> {
  return runOrExplain(serveUntilStopped);
}

async function serveUntilStopped(): Promise<void> {
  const config = await readConfig();
  const log = await createLog(config.logLevel);
  const stopped = signalToStop();
  const service = await startService(config, log);
  const { defaultCountry: country } = config;
  log.info({ database: shownUrl(config.databaseUrl), country }, `Listening on ${service.address}`);
  if (service.first !== undefined) {
    log.flush();
    process.stdout.write(welcome(service.first, service.address));
  }

  log.info(`Stopping on ${await stopped}`);
  await service.stop();
  log.info('Stopped');
}

function welcome(first: FirstPartner, address: string): string {
  return `
The store was empty. It now has the partner "${first.partner}" with the lead type "${first.type}" and this key,
which is shown this once:

  ${first.key}

A first lead:

  ${firstLead(first, address)}

`;
}
