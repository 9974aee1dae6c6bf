import { json } from './respond.ts';

/** GET /healthz: the process is alive and its event loop runs. */
export function healthz(): Response {
  return json(200, { status: 'alive' });
}

/**
 * GET /readyz: whether the server accepts leads. If not, only operators see the reason, in the log and at `/status`.
 */
export function readyz(isReady: boolean): Response {
  return isReady ? json(200, { status: 'ready' }) : json(503, { status: 'not ready' });
}
