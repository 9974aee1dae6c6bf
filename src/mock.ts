import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { runOrExplain, signalToStop } from './app/service.ts';
import { readContract } from './contract/document.ts';
import { mockFront } from './mock/front.ts';
import { outcomesText } from './mock/outcomes.ts';
import { startPrism } from './mock/prism.ts';
import { startHttpServer } from './server/http-server.ts';
import { createLog } from './telemetry/log.ts';

await runOrExplain(mock);

async function mock(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '4010' } } });
  const stopped = signalToStop();
  const contract = readContract();
  const prism = await startPrism();
  const ended = once(prism.process, 'exit').then(() => {
    throw new Error('Prism has ended, and the mock with it.');
  });
  // However this process ends, Prism must not be left behind.
  process.once('exit', () => prism.process.kill());

  const options = { host: '127.0.0.1', port: Number(values.port), log: await createLog('warn') };
  const server = await startHttpServer(mockFront(contract, prism.url), options);
  process.stdout.write(outcomesText(contract, `http://127.0.0.1:${server.port}`));

  await Promise.race([stopped, ended]);
  await server.stop();
}
