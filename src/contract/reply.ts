import type { operations, webhooks } from '../../generated/openapi.ts';

/** What partners can ask for. A webhook, which is what the server asks of others, bears its own name. */
export type OperationId = Exclude<keyof operations, keyof webhooks>;

type Responses<Id extends OperationId> = operations[Id]['responses'];

/** The statuses that are documented for the operation, or for each of several. */
export type Status<Id extends OperationId> = keyof Responses<Id>;

/** The body that is documented for a status. */
export type Body<Id extends OperationId, S extends Status<Id>> = Responses<Id>[S] extends {
  content: { 'application/json': infer Documented };
}
  ? Documented
  : never;

/** Every response has the one, and every response to a partner with a limit the others: no operation gives them. */
type ServerHeader = 'Request-Id' | 'RateLimit-Policy' | 'RateLimit';

type DocumentedHeaders<Id extends OperationId, S extends Status<Id>> = Responses<Id>[S] extends {
  headers: infer Documented;
}
  ? Omit<{ [Name in keyof Documented as string extends Name ? never : Name]: Documented[Name] }, ServerHeader>
  : never;

/** The headers that must or can come with a status, besides those of the server. */
type HeadersArgument<Id extends OperationId, S extends Status<Id>> =
  Record<never, never> extends DocumentedHeaders<Id, S>
    ? [headers?: DocumentedHeaders<Id, S>]
    : [headers: DocumentedHeaders<Id, S>];

/**
 * What is answered to a request. Only `replies` makes one, so that no status, body or header comes
 * into being that openapi.yaml does not have. A reply can serve many requests: its text is made once.
 */
export class Reply<Id extends OperationId = OperationId> {
  /** For the compiler alone: a reply of one operation is none of another's. */
  declare protected readonly operation: (id: Id) => void;
  readonly status: number;
  /** What it means, in a word of a fixed few, for the log and the metrics. */
  readonly outcome: string;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;

  protected constructor(
    status: number,
    outcome: string,
    text: string,
    headers: Readonly<Record<string, string>>,
  ) {
    this.status = status;
    this.outcome = outcome;
    this.text = text;
    this.headers = headers;
  }

  /**
   * The builder of an operation's replies, or of those that several operations share. The outcome is the
   * key of the example that openapi.yaml has for such a reply; `invalid` for what must be mended.
   */
  static of<Id extends OperationId>() {
    const repliesOf = Reply.severalOf<Id>();
    return <S extends Status<Id>>(
      status: S,
      outcome: string,
      body: Body<Id, S>,
      ...headers: HeadersArgument<Id, S>
    ): Reply<Id> => repliesOf(status, outcome, body)(...headers);
  }

  /** As `of`, for replies that differ in their headers alone. */
  static severalOf<Id extends OperationId>() {
    return <S extends Status<Id>>(status: S, outcome: string, body: Body<Id, S>) => {
      const text = JSON.stringify(body);
      return (...[headers]: HeadersArgument<Id, S>): Reply<Id> => {
        const written: Record<string, string> = { 'Content-Type': 'application/json' };
        for (const [name, value] of Object.entries(headers ?? {})) written[name] = String(value);
        return new Reply<Id>(Number(status), outcome, text, written);
      };
    };
  }
}
