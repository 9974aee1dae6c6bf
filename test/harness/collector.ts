import { type Behaviour, type Receiver, startReceiver } from './receiver.ts';

/** A span as OpenTelemetry's exporter sends it. */
export interface ExportedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  attributes: { key: string; value: { stringValue?: string; intValue?: number } }[];
}

/** A collector of traces. */
export interface Collector {
  /** Environment variables that make a process export its traces to the collector. */
  environment: Record<string, string>;
  /** Returns the spans received so far. */
  spans(): ExportedSpan[];
}

const acknowledge: Behaviour = (_received, outgoing) =>
  void outgoing.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');

/** Starts a collector of traces. It ends with the test. */
export async function startCollector(): Promise<Collector> {
  const receiver: Receiver = await startReceiver(acknowledge);
  return {
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '50',
    },
    spans: () =>
      receiver.received
        .flatMap(({ body }) => JSON.parse(body).resourceSpans)
        .flatMap(({ scopeSpans }: { scopeSpans: { spans: ExportedSpan[] }[] }) => scopeSpans)
        .flatMap(({ spans }) => spans),
  };
}
