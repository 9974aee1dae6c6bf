/** What a span may say of itself: nothing of a person, and no secret. */
export type Attributes = Record<string, string | number>;

/**
 * Makes spans where traces are sent. Without that OpenTelemetry is not even loaded: its own way of doing nothing costs
 * a request 3 microseconds, and a start 15 milliseconds.
 */
let spans: typeof import('./spans.ts') | undefined;

/** Any of these variables asks for traces, unless it says `none`. */
const asking = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_TRACES_EXPORTER'];

/**
 * Starts to send traces where the environment asks for it, by the variables that OpenTelemetry defines.
 *
 * @returns what sends the last spans, and ends it
 */
export async function startTracing(environment: NodeJS.ProcessEnv): Promise<() => Promise<void>> {
  const isAsked = asking.some((name) => environment[name]) && environment['OTEL_TRACES_EXPORTER'] !== 'none';
  if (!isAsked || environment['OTEL_SDK_DISABLED'] === 'true') return async () => {};
  spans = await import('./spans.ts');
  return spans.startSending(environment['OTEL_SERVICE_NAME'] ?? 'leads');
}

/** Runs work in a span of its own, inside the one that is under way. What it throws marks the span as failed. */
export function inSpan<Result>(
  name: string,
  attributes: Attributes,
  work: () => Promise<Result>,
): Promise<Result> {
  return spans === undefined ? work() : spans.inSpan(name, attributes, work);
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
  return spans === undefined ? work() : spans.inRequestSpan(name, attributes, work, describe);
}

/**
 * As `inSpan`, in a trace that was begun before, by another process perhaps.
 *
 * @param traceparent where it goes on; null for a trace of its own
 * @param describe what the span says of the result
 */
export function inEarlierTrace<Result>(
  traceparent: string | null,
  name: string,
  attributes: Attributes,
  work: () => Promise<Result>,
  describe: (result: Result) => Attributes,
): Promise<Result> {
  return spans === undefined ? work() : spans.inEarlierTrace(traceparent, name, attributes, work, describe);
}

/** Where the trace that is under way goes on (W3C Trace Context); undefined without one. */
export function traceparent(): string | undefined {
  return spans?.traceparent();
}
