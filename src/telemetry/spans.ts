/** The part of `tracing.ts` that needs OpenTelemetry. The functions of the same names are documented there. */
import { context, propagation, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import type { Attributes } from './tracing.ts';

const tracer = trace.getTracer('leads');

/** Starts the exporter. Returns a function that sends the remaining spans and stops it. */
export function startExporter(serviceName: string): () => Promise<void> {
  const sdk = new NodeSDK({ serviceName, instrumentations: [], metricReaders: [], logRecordProcessors: [] });
  sdk.start();
  return () => sdk.shutdown();
}

export function inSpan<Result>(
  name: string,
  attributes: Attributes,
  work: () => Promise<Result>,
): Promise<Result> {
  return tracer.startActiveSpan(name, { attributes }, (span) => run(span, work));
}

export function inRequestSpan<Result>(
  name: string,
  attributes: Attributes,
  work: () => Promise<Result>,
  describe: (result: Result) => Attributes,
): Promise<Result> {
  const options = { kind: SpanKind.SERVER, root: true, attributes };
  return tracer.startActiveSpan(name, options, (span) => run(span, work, describe));
}

export function continueTrace<Result>(
  traceparent: string | null,
  name: string,
  attributes: Attributes,
  work: () => Promise<Result>,
  describe: (result: Result) => Attributes,
): Promise<Result> {
  const carrier = traceparent === null ? {} : { traceparent };
  const parent = propagation.extract(context.active(), carrier);
  const options = { kind: SpanKind.CLIENT, attributes };
  return tracer.startActiveSpan(name, options, parent, (span) => run(span, work, describe));
}

export function traceparent(): string | undefined {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent;
}

async function run<Result>(
  span: Span,
  work: () => Promise<Result>,
  describe?: (result: Result) => Attributes,
): Promise<Result> {
  try {
    const result = await work();
    if (describe !== undefined) span.setAttributes(describe(result));
    return result;
  } catch (error) {
    // Only the name of the error: its message may repeat what was sent.
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'error' });
    throw error;
  } finally {
    span.end();
  }
}
