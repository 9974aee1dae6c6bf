import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { readContract } from './contract/document.ts';
import { mockFront } from './mock/front.ts';
import { outcomesText } from './mock/outcomes.ts';
import { startPrism } from './mock/prism.ts';
import { startHttpServer } from './server/http-server.ts';
import { createLog } from './telemetry/log.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '4010' } } });

const contract = readContract();
const prism = await startPrism();
const stopped = new Promise<void>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
});
const failed = once(prism.process, 'exit').then(() => {
  process.stderr.write('Prism has ended, and the mock with it.\n');
  process.exitCode = 1;
});

const log = await createLog('warn');
const options = { host: '127.0.0.1', port: Number(values.port), log };
const server = await startHttpServer(mockFront(contract, prism.url), options);
process.stdout.write(outcomesText(contract, `http://127.0.0.1:${server.port}`));

await Promise.race([stopped, failed]);
prism.process.removeAllListeners('exit').kill();
await server.stop();
