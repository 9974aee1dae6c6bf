import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { json } from './respond.ts';

/** GET /healthz: the process is alive and its event loop turns. */
export function healthz(): Response {
  return json(200, { status: 'alive' });
}

/** How due leads get to the dialler: told beside the readiness, which is about requests. */
export interface HandOffStatus {
  dialler: string;
  state: 'running' | 'waiting' | 'paused' | 'off';
  reason?: string;
}

/**
 * GET /readyz: the store can be reached and its migrations are in place. A dialler that is down is told
 * and does not count: leads are taken in all the same.
 */
export async function readyz(store: Store, handOff: () => HandOffStatus, log: Log): Promise<Response> {
  try {
    await store.checkReady();
    return json(200, { status: 'ready', hand_off: handOff() });
  } catch (error) {
    log.error({ err: error }, 'The store is not ready.');
    return json(503, { status: 'not ready', reason: 'The store does not answer; the log says why.' });
  }
}
