import { Hono } from 'hono';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { json } from './respond.ts';

/** What is served on METRICS_PORT: `/metrics`, for Prometheus. */
export function metricsApp(metrics: Metrics, log: Log): Hono {
  const app = new Hono();
  app.get('/metrics', async () => {
    const { type, text } = await metrics.read();
    return new Response(text, { headers: { 'Content-Type': type } });
  });
  app.notFound(() => json(404, { error: 'There is only /metrics here.' }));
  app.onError((error) => {
    log.error({ err: error }, 'The metrics could not be read.');
    return json(500, { error: 'The metrics could not be read; the log says why.' });
  });
  return app;
}
