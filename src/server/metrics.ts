import { Hono } from 'hono';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics/metrics.ts';
import type { DeliveryState } from '../telemetry/metrics/server-metrics.ts';
import { json } from './respond.ts';

/** The state of delivery. */
export interface DeliveryStatus {
  dialler: string;
  state: DeliveryState;
  reason?: string;
}

/** The state of a running server, for operators. */
export interface ServerStatus {
  /** Whether the server accepts leads. */
  ready: boolean;
  /** Why the server accepts no leads; undefined: it accepts them. */
  reason?: string | undefined;
  /** Why every request is rejected although the server is ready; undefined: a partner is active. */
  partners?: string | undefined;
  delivery: DeliveryStatus;
}

/** Creates the application on METRICS_PORT: `/metrics` for Prometheus, and `/status` for operators. */
export function metricsApp(
  metrics: Pick<Metrics, 'read'>,
  status: () => ServerStatus | Promise<ServerStatus>,
  log: Log,
): Hono {
  const app = new Hono();
  // Reading the metrics queries the store, so concurrent requests share one reading.
  let reading: ReturnType<Metrics['read']> | undefined;
  app.get('/metrics', async () => {
    reading ??= metrics.read().finally(() => {
      reading = undefined;
    });
    const { type, text } = await reading;
    return new Response(text, { headers: { 'Content-Type': type } });
  });
  app.get('/status', async () => json(200, await status()));
  app.notFound(() => json(404, { error: 'No resource exists at this path. Use /metrics or /status.' }));
  app.onError((error) => {
    log.error({ err: error }, 'The metrics could not be read.');
    return json(500, { error: 'The metrics could not be read. See the log.' });
  });
  return app;
}
