import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { readContract } from '../contract/contract.ts';
import { startHttpServer } from '../server/http-server.ts';
import { createLog } from '../telemetry/log.ts';
import { mockApp } from './mock-app.ts';
import { outcomesText } from './outcomes.ts';
import { type Prism, startPrism } from './prism.ts';

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
 * @throws {Error} if an option is invalid, the port is not free, or Prism cannot start or ends early
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
  const log = await createLog('warn');
  const starting = Promise.withResolvers<Prism>();
  const prismUrl = async () => (await starting.promise).url;
  // The server starts first: Prism takes seconds, and a port that is in use must be reported at once.
  const server = await startHttpServer(mockApp(contract, prismUrl, log), {
    host: '127.0.0.1',
    port: Number(values.port),
    settings: { port: '--port' },
    log,
  });
  try {
    starting.resolve(startPrism());
    const prism = await starting.promise;
    const prismEnded = once(prism.process, 'exit').then(() => {
      throw new Error('Prism ended unexpectedly. Start the mock server again.');
    });
    // Prism must end with this process, even after an error.
    process.once('exit', () => prism.process.kill());
    process.stdout.write(outcomesText(contract, `http://127.0.0.1:${server.port}`));
    await Promise.race([stopSignal, prismEnded]);
  } finally {
    await server.stop();
  }
}
