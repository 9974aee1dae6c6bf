import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { readContract } from '../contract/document.ts';
import { startHttpServer } from '../server/http-server.ts';
import { createLog } from '../telemetry/log.ts';
import { mockApp } from './mock-app.ts';
import { outcomesText } from './outcomes.ts';
import { startPrism } from './prism.ts';

const defaultPort = '4010';

const help = `Usage: npm run mock -- [options]

Starts a mock of the API on this machine. It accepts any key, stores nothing, and
returns every documented response on request. It prints a list when it starts.

Options:
  --port <port>  port from 0 (any free port) to 65535 (default: ${defaultPort})
  -h, --help     print this help
`;

/**
 * Serves the mock on this machine until a signal stops it. The option `--port` selects the port; `--help` only prints
 * the options.
 *
 * @throws {Error} if Prism cannot start or ends early, or if an option is invalid or the port is not free
 */
export async function runMock(stopSignal: Promise<unknown>): Promise<void> {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: defaultPort }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  if (!/^[0-9]+$/.test(values.port) || Number(values.port) > 65_535) {
    throw new Error(`--port must be a number from 0 (any free port) to 65535; it is "${values.port}".`);
  }
  const contract = readContract();
  const prism = await startPrism();
  const prismEnded = once(prism.process, 'exit').then(() => {
    throw new Error('Prism ended unexpectedly.');
  });
  // Prism must end with this process, even after an error.
  process.once('exit', () => prism.process.kill());

  const start = async () => {
    const log = await createLog('warn');
    const options = { host: '127.0.0.1', port: Number(values.port), log };
    return startHttpServer(mockApp(contract, prism.url, log), options);
  };
  const server = await Promise.race([start(), prismEnded]);
  process.stdout.write(outcomesText(contract, `http://127.0.0.1:${server.port}`));

  await Promise.race([stopSignal, prismEnded]);
  await server.stop();
}
