import type { FirstPartner } from './app/bootstrap.ts';
import { readConfig } from './app/config.ts';
import { firstLead, runOrExplain, signalToStop, startService } from './app/service.ts';
import { createLogDialler } from './delivery/diallers/log.ts';
import { createLog } from './telemetry/log.ts';

await runOrExplain(sandbox);

async function sandbox(): Promise<void> {
  const config = {
    ...(await readConfig()),
    databaseUrl: 'sqlite::memory:',
    bootstrap: true,
    dispatch: true,
    dialler: createLogDialler(),
  };
  const log = await createLog(config.logLevel);
  const stopped = signalToStop();
  const { address, first, stop } = await startService(config, log);
  if (first === undefined) throw new Error('a store in memory was not empty.');
  log.flush();
  process.stdout.write(welcome(first, address));

  await stopped;
  await stop();
}

function welcome(first: FirstPartner, address: string): string {
  return `The sandbox listens on ${address}. It is the real server; what it holds ends with it, and nobody
is called: a line of the log stands for the call.

  partner  ${first.partner}
  type     ${first.type}
  key      ${first.key}

A first lead, called at once (add "delays": 30 to have half a minute for cancelling it):

  ${firstLead(first, address)}

The same again while its call is still to come, and once it was called:

  {"saved":true,"processed":false,"error":"Another call is already scheduled"}
  {"saved":true,"processed":false,"error":"Existing Contact"}

`;
}
