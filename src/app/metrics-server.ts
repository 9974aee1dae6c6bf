import { type RunningServer, startHttpServer } from '../server/http-server.ts';
import { metricsApp, type ServerStatus } from '../server/metrics.ts';
import type { Log } from '../telemetry/log.ts';
import type { LeadMetrics } from '../telemetry/metrics/lead-metrics.ts';
import type { Metrics } from '../telemetry/metrics/metrics.ts';
import type { DeliveryState } from '../telemetry/metrics/server-metrics.ts';
import { urlOf } from './url.ts';

/** Maximum number of connections; Prometheus needs one. */
const maxMetricsConnections = 100;

/** Creates the metrics. Loading their library takes a tenth of a second, so it is only loaded if they are used. */
export async function loadMetrics(
  readLeadMetrics: () => Promise<LeadMetrics | undefined>,
  isReady: () => boolean,
  waiting: () => number,
  deliveryState: () => DeliveryState,
): Promise<Metrics> {
  const { Metrics } = await import('../telemetry/metrics/metrics.ts');
  return new Metrics(readLeadMetrics, isReady, waiting, deliveryState);
}

/** Starts the server for `/metrics` and `/status`. @throws as `startHttpServer` */
export async function startMetricsServer(
  metrics: Metrics,
  status: () => ServerStatus | Promise<ServerStatus>,
  endpoint: { host: string; port: number },
  log: Log,
): Promise<RunningServer> {
  const app = metricsApp(metrics, status, log);
  const settings = { host: 'METRICS_HOST', port: 'METRICS_PORT' };
  const server = await startHttpServer(app, {
    ...endpoint,
    settings,
    log,
    maxConnections: maxMetricsConnections,
  });
  log.info(`Metrics are available at ${urlOf(server)}/metrics.`);
  return server;
}
