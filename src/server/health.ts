import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { json } from './respond.ts';

/** GET /healthz: the process is alive and its event loop turns. */
export function healthz(): Response {
  return json(200, { status: 'alive' });
}

/** GET /readyz: the store can be reached and its migrations are in place. */
export async function readyz(store: Store, log: Log): Promise<Response> {
  try {
    await store.checkReady();
    return json(200, { status: 'ready' });
  } catch (error) {
    log.error({ err: error }, 'The store is not ready.');
    return json(503, { status: 'not ready', reason: 'The store does not answer; the log says why.' });
  }
}
