/**
 * Measures deliveries to a webhook receiver on this machine, with many leads due at once, while the server accepts new
 * leads. Server, receiver and load share all cores. With `--dialler vicidial`, it delivers to a stand-in for VICIdial
 * that has VICIdial's speed, with different numbers of leads in flight.
 */
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openStore } from '../src/store/open.ts';
import { newSubmission } from '../test/harness/submissions.ts';
import {
  type PreparedStore,
  postgresStore,
  sqliteStore,
  startDelivering,
  startDeliveringToVicidial,
} from './deployment.ts';
import { load } from './load.ts';
import { machine, type RunningServer, start } from './processes.ts';
import { formatInteger, printTable } from './table.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    due: { type: 'string', default: '100000' },
    intake: { type: 'string', default: '500' },
    stores: { type: 'string', default: 'sqlite,postgres' },
    dialler: { type: 'string', default: 'webhook' },
    'in-flight': { type: 'string', default: '1,3,20' },
  },
});
const seconds = Number(values.seconds);

/** Adds leads that are due. */
async function makeDue({ url, partnerId }: PreparedStore): Promise<void> {
  const store = await openStore(url);
  const content = JSON.stringify({ email: 'john.doe@test.com', first_name: 'John', surname: 'Doe' });
  for (let from = 0; from < Number(values.due); from += 1_000) {
    const thousand = Array.from({ length: 1_000 }, (_, index) => {
      const mobile = `+4479${String(from + index).padStart(8, '0')}`;
      const lead = { partnerId, type: 'motor-trade', mobile, delays: 0, content };
      return store.submit(newSubmission({ receivedAt: Date.now(), ...lead }));
    });
    await Promise.all(thousand);
  }
  await store.close();
}

/** Returns the number of delivered leads. */
async function dialled(url: string): Promise<number> {
  const store = await openStore(url);
  const { byState } = await store.leadStats();
  await store.close();
  return byState.dialled ?? 0;
}

/** A receiver of leads, and how a server that delivers to it is started. */
interface Receiver {
  program: string;
  startServer(store: string, receiver: string): Promise<RunningServer>;
}

async function measure(make: () => Promise<PreparedStore>, to: Receiver): Promise<string[]> {
  const prepared = await make();
  await makeDue(prepared);
  const receiver = await start(to.program, {}, 'any');
  const server = await to.startServer(prepared.url, receiver.address);
  try {
    await setTimeout(3_000);
    const before = await dialled(prepared.url);
    const begun = performance.now();
    const base = { kind: 'add', key: prepared.key, seconds, connections: 64 } as const;
    const intake = await load(server.address, { ...base, rate: Number(values.intake) });
    const passed = (performance.now() - begun) / 1_000;
    const delivered = ((await dialled(prepared.url)) - before) / passed;
    return [formatInteger(delivered), formatInteger(intake.rate), `${intake.p99.toPrecision(3)} ms`];
  } finally {
    await server.stop();
    await receiver.stop();
    await prepared.remove();
  }
}

process.stdout.write(`${machine()}\n\n`);
const makers: Record<string, () => Promise<PreparedStore>> = { sqlite: sqliteStore, postgres: postgresStore };
const webhook: Receiver = { program: 'bench/receiver.ts', startServer: startDelivering };
const vicidialWith = (inFlight: string): Receiver => ({
  program: 'bench/vicidial.ts',
  startServer: (store, vicidial) => startDeliveringToVicidial(store, vicidial, Number(inFlight)),
});
const receivers: [name: string, receiver: Receiver][] =
  values.dialler === 'vicidial'
    ? values['in-flight'].split(',').map((inFlight) => [`, ${inFlight} in flight`, vicidialWith(inFlight)])
    : [['', webhook]];
const rows: string[][] = [];
for (const name of values.stores.split(',')) {
  const make = makers[name];
  if (make === undefined) throw new Error(`Store "${name}" does not exist. Use sqlite or postgres.`);
  for (const [suffix, receiver] of receivers)
    rows.push([`${name}${suffix}`, ...(await measure(make, receiver))]);
}
printTable(['store', 'delivered/s', 'accepted/s meanwhile', 'p99 of adding a lead'], rows);
