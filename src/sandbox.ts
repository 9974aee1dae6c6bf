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
  if (first === undefined) throw new Error('the in-memory database was not empty.');
  log.flush();
  process.stdout.write(welcome(first, address));

  await stopped;
  await stop();
}

function welcome(first: FirstPartner, address: string): string {
  return `The sandbox listens on ${address}. It is the real server with an
in-memory database: all data is lost when it stops. Nobody is called: each
delivery is only logged.

  partner  ${first.partner}
  type     ${first.type}
  key      ${first.key}

To add a lead whose call is due at once, run this command. To have time to cancel
the lead, add "delays": 30.

  ${firstLead(first, address)}

If you run it again, it prints the first line before the call and the second one
afterwards:

  {"saved":true,"processed":false,"error":"Another call is already scheduled"}
  {"saved":true,"processed":false,"error":"Existing Contact"}

`;
}
