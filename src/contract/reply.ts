import type { components, operations, webhooks } from '../../generated/openapi.ts';

/** Id of an operation that partners can call. Webhooks are excluded, because the server calls them. */
export type OperationId = Exclude<keyof operations, keyof webhooks>;

/** The outcome of a request: a value of the header `Lead-Outcome`. */
export type Outcome = components['schemas']['Outcome'];

type Responses<Id extends OperationId> = operations[Id]['responses'];

/** The statuses documented for an operation; for several operations, those that all of them document. */
export type Status<Id extends OperationId> = keyof Responses<Id>;

/** The body documented for a status. */
export type Body<Id extends OperationId, S extends Status<Id>> = Responses<Id>[S] extends {
  content: { 'application/json': infer Documented };
}
  ? Documented
  : never;

/** Headers that the server adds to every reply. */
type ServerHeader = 'Request-Id' | 'Lead-Outcome' | 'RateLimit-Policy' | 'RateLimit';

type DocumentedHeaders<Id extends OperationId, S extends Status<Id>> = Responses<Id>[S] extends {
  headers: infer Documented;
}
  ? Omit<{ [Name in keyof Documented as string extends Name ? never : Name]: Documented[Name] }, ServerHeader>
  : never;

/** The headers argument of a builder: optional if the status has no required headers. */
type HeadersArgument<Id extends OperationId, S extends Status<Id>> =
  Record<never, never> extends DocumentedHeaders<Id, S>
    ? [headers?: DocumentedHeaders<Id, S>]
    : [headers: DocumentedHeaders<Id, S>];

/**
 * The reply to a request. Only the builders below create one, so that every status, body and header is documented in
 * openapi.yaml. A reply is serialised once and can be sent to any number of requests.
 */
export class Reply<Id extends OperationId = OperationId> {
  /** Exists only for the compiler: it makes the replies of two operations incompatible types. */
  declare protected readonly operation: (id: Id) => void;
  readonly status: number;
  /** The `x-outcome` of the reply's example in openapi.yaml. */
  readonly outcome: Outcome;
  /** The serialised body. */
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;

  /** The replies to the rows of the request, each as if it had been sent alone. Undefined: the request has none. */
  readonly rows: readonly Reply<'addLead'>[] | undefined;

  /** Whether this is the response to an earlier request with the same idempotency key. */
  get isReplay(): boolean {
    return 'Idempotent-Replayed' in this.headers;
  }

  protected constructor(
    status: number,
    outcome: Outcome,
    text: string,
    headers: Readonly<Record<string, string>>,
    rows?: readonly Reply<'addLead'>[],
  ) {
    this.status = status;
    this.outcome = outcome;
    this.text = text;
    this.headers = headers;
    this.rows = rows;
  }

  /** Returns the builder of replies that an operation, or each of several operations, documents. */
  static of<Id extends OperationId>() {
    const withHeaders = Reply.withHeaders<Id>();
    return <S extends Status<Id>>(
      status: S,
      outcome: Outcome,
      body: Body<Id, S>,
      ...headers: HeadersArgument<Id, S>
    ): Reply<Id> => withHeaders(status, outcome, body)(...headers);
  }

  /**
   * Returns the reply to a request with rows.
   *
   * @param results the results of the rows, serialised
   * @param rows the replies to the rows; undefined: the response is replayed
   */
  static ofRows(
    results: readonly string[],
    rows: readonly Reply<'addLead'>[] | undefined,
    headers: Readonly<Record<string, string>> = {},
  ): Reply<'addLeads'> {
    const outcome = 'processed';
    const text = `{"results":[${results.join(',')}]}`;
    const replyHeaders = { 'Content-Type': 'application/json', 'Lead-Outcome': outcome, ...headers };
    return new Reply<'addLeads'>(200, outcome, text, replyHeaders, rows);
  }

  /** Returns a builder of replies that differ only in their headers: the body is serialised once for all of them. */
  static withHeaders<Id extends OperationId>() {
    return <S extends Status<Id>>(status: S, outcome: Outcome, body: Body<Id, S>) => {
      const text = JSON.stringify(body);
      return (...[headers]: HeadersArgument<Id, S>): Reply<Id> => {
        const replyHeaders: Record<string, string> = {
          'Content-Type': 'application/json',
          'Lead-Outcome': outcome,
        };
        for (const [name, value] of Object.entries(headers ?? {})) replyHeaders[name] = String(value);
        return new Reply<Id>(Number(status), outcome, text, replyHeaders);
      };
    };
  }
}
