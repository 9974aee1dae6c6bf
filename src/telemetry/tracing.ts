/** Attributes of a span, without personal data or secrets. */
export type Attributes = Record<string, string | number>;

/**
 * Undefined unless traces are exported, because OpenTelemetry slows the start and each request even without exporting.
 */
let spans: typeof import('./spans.ts') | undefined;

/** Each of these variables enables traces, unless its value is `none`. */
const exporterVariables = [
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_TRACES_EXPORTER',
];

/**
 * Starts exporting traces if one of OpenTelemetry's environment variables enables it.
 *
 * @returns a function that sends the remaining spans and stops exporting
 */
export async function startTracing(environment: NodeJS.ProcessEnv): Promise<() => Promise<void>> {
  const isEnabled =
    exporterVariables.some((name) => environment[name]) && environment['OTEL_TRACES_EXPORTER'] !== 'none';
  if (!isEnabled || environment['OTEL_SDK_DISABLED'] === 'true') return async () => {};
  spans = await import('./spans.ts');
  return spans.startExporter(environment['OTEL_SERVICE_NAME'] ?? 'leads');
}

/** Runs work in a child span of the current one. An error marks the span as failed. */
export function inSpan<Result>(
  name: string,
  attributes: Attributes,
  work: () => Promise<Result>,
): Promise<Result> {
  return spans === undefined ? work() : spans.inSpan(name, attributes, work);
}

/**
 * Runs work in the root span of a request. Trace headers of the client are ignored: otherwise anyone could have their
 * requests recorded.
 *
 * @param describe returns attributes of the result
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
 * Runs work in a span of a trace that started earlier, possibly in another process.
 *
 * @param traceparent the trace; null: a new one
 * @param describe returns attributes of the result
 */
export function continueTrace<Result>(
  traceparent: string | null,
  name: string,
  attributes: Attributes,
  work: () => Promise<Result>,
  describe: (result: Result) => Attributes,
): Promise<Result> {
  return spans === undefined ? work() : spans.continueTrace(traceparent, name, attributes, work, describe);
}

/** Returns the current trace and span (W3C Trace Context, `traceparent`); undefined: none. */
export function traceparent(): string | undefined {
  return spans?.traceparent();
}
