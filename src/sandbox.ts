import { setTimeout as pause } from 'node:timers/promises';
import type { FirstPartner } from './bootstrap.ts';
import { readConfig } from './config.ts';
import { newIdentifier } from './leads/identifier.ts';
import { firstLead, runOrExplain, signalToStop, startService } from './service.ts';
import type { Store } from './store/store.ts';
import { createLog, type Log } from './telemetry/log.ts';

/** How often due leads are looked for, in milliseconds. */
const round = 200;

await runOrExplain(sandbox);

async function sandbox(): Promise<void> {
  const config = { ...readConfig(), databaseUrl: 'sqlite::memory:', bootstrap: true };
  const log = await createLog(config.logLevel);
  const stopped = signalToStop();
  const { address, store, first, stop } = await startService(config, log);
  if (first === undefined) throw new Error('a store in memory was not empty.');
  process.stdout.write(welcome(first, address));

  let running = true;
  const dialling = dial(store, log, () => running);
  await stopped;
  running = false;
  await dialling;
  await stop();
}

/** Stands for a dialler: takes each lead at its time and writes a line instead of calling. */
async function dial(store: Store, log: Log, goesOn: () => boolean): Promise<void> {
  while (goesOn()) {
    const claim = newIdentifier();
    const leads = await store.claimDue(claim, 100, 60_000);
    for (const { id, type, partner } of leads)
      log.info({ lead: id, type, partner }, 'Dialled (nobody was called)');
    await store.markDialled(
      claim,
      leads.map(({ id }) => id),
    );
    await pause(round);
  }
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
