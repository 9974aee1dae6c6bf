import {
  context,
  INVALID_SPAN_CONTEXT,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';

/** What a span may say of itself: nothing of a person, and no secret. */
export type Attributes = Record<string, string | number>;

const tracer = trace.getTracer('leads');

/** What work is given where no trace is sent: it keeps nothing. */
const noSpan = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/** Whether traces are sent. OpenTelemetry's own way of doing nothing costs a request 3 microseconds; this costs none. */
let isSending = false;

/** Any of these variables asks for traces, unless it says `none`. */
const asking = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_TRACES_EXPORTER'];

/**
 * Starts to send traces where the environment asks for it, by the variables that OpenTelemetry defines. Without
 * them spans cost next to nothing, and no part of the SDK is loaded.
 *
 * @returns what sends the last spans, and ends it
 */
export async function startTracing(environment: NodeJS.ProcessEnv): Promise<() => Promise<void>> {
  const isAsked = asking.some((name) => environment[name]) && environment['OTEL_TRACES_EXPORTER'] !== 'none';
  if (!isAsked || environment['OTEL_SDK_DISABLED'] === 'true') return async () => {};
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const sdk = new NodeSDK({
    serviceName: environment['OTEL_SERVICE_NAME'] ?? 'leads',
    instrumentations: [],
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  isSending = true;
  return () => sdk.shutdown();
}

/** Runs work in a span of its own, inside the one that is under way. What it throws marks the span as failed. */
export function inSpan<Result>(
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<Result>,
): Promise<Result> {
  if (!isSending) return work(noSpan);
  return tracer.startActiveSpan(name, { attributes }, (span) => ended(span, work));
}

/**
 * As `inSpan`, for a request: a trace begins with it. What a client says of a trace of its own is not taken, since
 * anybody could have its requests recorded by that.
 *
 * @param describe what the span says of the result
 */
export function inRequestSpan<Result>(
  name: string,
  attributes: Attributes,
  work: () => Promise<Result>,
  describe: (result: Result) => Attributes,
): Promise<Result> {
  if (!isSending) return work();
  const options = { kind: SpanKind.SERVER, root: true, attributes };
  const described = async (span: Span) => {
    const result = await work();
    span.setAttributes(describe(result));
    return result;
  };
  return tracer.startActiveSpan(name, options, (span) => ended(span, described));
}

/**
 * As `inSpan`, in a trace that was begun before, by another process perhaps.
 *
 * @param traceparent where it goes on; null for a trace of its own
 */
export function inEarlierTrace<Result>(
  traceparent: string | null,
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<Result>,
): Promise<Result> {
  if (!isSending) return work(noSpan);
  const before = traceparent === null ? {} : { traceparent };
  const parent = propagation.extract(context.active(), before);
  const options = { kind: SpanKind.CLIENT, attributes };
  return tracer.startActiveSpan(name, options, parent, (span) => ended(span, work));
}

/** Where the trace that is under way goes on (W3C Trace Context); undefined without one. */
export function traceparent(): string | undefined {
  if (!isSending) return undefined;
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent;
}

async function ended<Result>(span: Span, work: (span: Span) => Promise<Result>): Promise<Result> {
  try {
    return await work(span);
  } catch (error) {
    // Only what kind of error it was: a message may repeat what was sent.
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'error' });
    throw error;
  } finally {
    span.end();
  }
}
