import { createLogDialler } from '../delivery/diallers/log.ts';
import { createLog } from '../telemetry/log.ts';
import { addLeadCommand, type FirstPartner } from './bootstrap.ts';
import { readConfig } from './config.ts';
import { runProgram } from './process.ts';
import { startService } from './service.ts';

/**
 * Runs the server with an in-memory store and a dialler that only logs, until a signal stops it. It does not read
 * `.env`, which configures a server that may be running: its ports would be in use.
 */
export function runSandbox(): Promise<void> {
  return runProgram(serveSandbox);
}

async function serveSandbox(stopSignal: Promise<NodeJS.Signals>): Promise<void> {
  const config = {
    ...(await readConfig(process.env)),
    databaseUrl: 'sqlite::memory:',
    bootstrap: 'on' as const,
    dispatch: true,
    dialler: createLogDialler(),
  };
  const log = await createLog(config.logLevel);
  const { url, firstPartner, stop } = await startService(config, log);
  if (firstPartner === undefined) throw new Error('The in-memory store was not empty.');
  log.flush();
  process.stdout.write(firstSteps(firstPartner, url));

  await stopSignal;
  await stop();
}

function firstSteps(first: FirstPartner, url: string): string {
  return `The sandbox listens on ${url}. It is the real server with an
in-memory store: all data is lost when it stops. Nobody is called: each
delivery is only logged.

  partner  ${first.partner}
  type     ${first.type}
  key      ${first.key}

The guide at ${url}/docs/ shows this URL in every sample. Enter the
key at its top, and paste the samples into another terminal.

To run the workflows in docs/workflows.arazzo.yaml, set these variables there:

  export LEADS_URL=${url}
  export LEADS_KEY=${first.key}

To add a lead whose call is due at once, run the next command. To have time to
cancel the lead, add "delays": 30.

  ${addLeadCommand(first, url)}

If you run it again, it prints the first line below until the lead is delivered,
and the second one after that:

  {"saved":true,"processed":false,"error":"Another call is already scheduled"}
  {"saved":true,"processed":false,"error":"Existing Contact"}

`;
}
