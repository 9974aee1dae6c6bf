import { json } from './respond.ts';

/** GET /healthz: the process is alive and its event loop runs. */
export function healthz(): Response {
  return json(200, { status: 'alive' });
}

/** GET /readyz: whether the server accepts leads. Only operators see the reason why not, in the log and at `/status`. */
export function readyz(isReady: boolean): Response {
  return isReady ? json(200, { status: 'ready' }) : json(503, { status: 'not ready' });
}
