import { parseArgs } from 'node:util';
import { createLogDialler } from '../delivery/diallers/log.ts';
import { simulationTimes } from '../simulation/simulation-times.ts';
import { createLog } from '../telemetry/log.ts';
import { addLeadCommand, type FirstPartner } from './bootstrap.ts';
import { readConfig } from './config.ts';
import { runProgram } from './process.ts';
import { startService } from './service.ts';

const help = `Usage: npm run sandbox -- [options]

Starts the real server with in-memory stores and a test key. Nobody is called: a
simulated dialler receives the leads, and the phone number decides what happens.

Options:
  --speed <n>  speed of simulated calls, from 0.1 to 1000 times the usual one (default: 1)
  -h, --help   print this help
`;

/**
 * Runs the server with in-memory stores and a test key, until a signal stops it. It does not read `.env`, which
 * configures a server that may be running: its ports would be in use. The option `--speed` selects the speed of
 * simulated calls; `--help` only prints the options.
 */
export function runSandbox(): Promise<void> {
  return runProgram(serveSandbox);
}

async function serveSandbox(stopSignal: Promise<NodeJS.Signals>): Promise<void> {
  const { values } = parseArgs({
    options: { speed: { type: 'string', default: '1' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const times = simulationTimes(speedOf(values.speed));
  const config = {
    ...(await readConfig(process.env)),
    databaseUrl: 'sqlite::memory:',
    testStoreUrl: undefined,
    bootstrap: 'on' as const,
    dispatch: true,
    dialler: createLogDialler(),
  };
  const log = await createLog(config.logLevel);
  const options = { simulation: { times, isLogged: true }, hasTestKey: true };
  const { url, firstPartner, stop } = await startService(config, log, options);
  if (firstPartner === undefined) throw new Error('The in-memory store was not empty.');
  log.flush();
  process.stdout.write(firstSteps(firstPartner, url));

  await stopSignal;
  await stop();
}

/** @throws {Error} if the option `--speed` is invalid */
function speedOf(text: string): number {
  const speed = Number(text);
  if (/^[0-9.]+$/.test(text) && speed >= 0.1 && speed <= 1_000) return speed;
  throw new Error(`--speed must be a number from 0.1 to 1000; it is "${text}".`);
}

function firstSteps(first: FirstPartner, url: string): string {
  return `The sandbox listens on ${url}. It is the real server with
in-memory stores: all data is lost when it stops. Nobody is called: a simulated
dialler receives the leads, and the log shows what happens to them.

  partner  ${first.partner}
  type     ${first.type}
  test key ${first.key}

The guide at ${url}/docs/ shows this URL in every sample. Enter the
key at its top, and paste the samples into another terminal. The section "Test
without calling anybody" lists the phone numbers that have other outcomes.

To run the workflows in docs/workflows.arazzo.yaml, set these variables there:

  export LEADS_URL=${url}
  export LEADS_KEY=${first.key}

To add a lead whose call is due at once, run the next command. To have time to
cancel the lead, add "delays": 30.

  ${addLeadCommand(first, url, '07700900000')}

If you run it again within a minute, it prints the first line below until the
lead is delivered, and the second one after that:

  {"saved":true,"processed":false,"error":"Another call is already scheduled"}
  {"saved":true,"processed":false,"error":"Existing Contact"}

`;
}
