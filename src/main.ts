import type { FirstPartner } from './bootstrap.ts';
import { readConfig } from './config.ts';
import { keepRequestsYoung } from './heap.ts';
import { firstLead, runOrExplain, signalToStop, startService } from './service.ts';
import { shownUrl } from './store/open.ts';
import { createLog } from './telemetry/log.ts';

await runOrExplain(main);

async function main(): Promise<void> {
  keepRequestsYoung();
  const config = readConfig();
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
