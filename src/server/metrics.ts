import { Hono } from 'hono';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { json } from './respond.ts';

/** How due leads get to the dialler. */
export interface DeliveryStatus {
  dialler: string;
  state: 'running' | 'waiting' | 'paused' | 'off';
  reason?: string;
}

/** What an operator can ask of a running server. */
export interface ServerStatus {
  /** Whether it takes leads in. */
  ready: boolean;
  /** Why not. */
  reason?: string | undefined;
  delivery: DeliveryStatus;
}

/** What is served on METRICS_PORT: `/metrics` for Prometheus, and `/status` for operators. */
export function metricsApp(metrics: Metrics, status: () => ServerStatus, log: Log): Hono {
  const app = new Hono();
  // Each reading asks the store, so those that come meanwhile share it.
  let reading: ReturnType<Metrics['read']> | undefined;
  app.get('/metrics', async () => {
    reading ??= metrics.read().finally(() => {
      reading = undefined;
    });
    const { type, text } = await reading;
    return new Response(text, { headers: { 'Content-Type': type } });
  });
  app.get('/status', () => json(200, status()));
  app.notFound(() => json(404, { error: 'There are only /metrics and /status here.' }));
  app.onError((error) => {
    log.error({ err: error }, 'The metrics could not be read.');
    return json(500, { error: 'The metrics could not be read; the log says why.' });
  });
  return app;
}
