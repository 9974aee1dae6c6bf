import type { Writable } from 'node:stream';
import { nameCommands } from '../text/command-name.ts';
import { indentedJson, printable, printableJson } from '../text/terminal.ts';
import { csvLine } from './csv.ts';
import { isTerminal } from './is-terminal.ts';
import { formatTable, type TableView, TableWriter } from './table.ts';

/** Members of a command's JSON output, each with its description. */
export type JsonMembers<Member extends string = string> = Readonly<Record<Member, string>>;

/** How rows are displayed for scripts. */
export interface RecordView<Row, Member extends string = string> {
  json: (row: Row) => Record<Member, unknown>;
}

/** How rows are displayed: as a table for people, as JSON for scripts. */
export interface View<Row, Member extends string = string> extends TableView<Row>, RecordView<Row, Member> {}

/** Number of rows in a table without `--limit`. */
const defaultTableRows = 100;

/** The output of a command, as text or as JSON. */
export class Output<Member extends string = string> {
  readonly isJson: boolean;
  readonly #stream: Writable;
  readonly #width: number | undefined;
  readonly #commandName: string;
  readonly #isTerminal: boolean;

  /**
   * @param options `json`: prints JSON; `wide`: prints tables as if there were no terminal
   * @param commandName how the CLI is called, in sentences
   */
  constructor(stream: Writable, options: { json?: boolean; wide?: boolean }, commandName: string) {
    this.#stream = stream;
    this.#commandName = commandName;
    this.#isTerminal = isTerminal(stream);
    this.#width = options.wide ? undefined : terminalSize(stream).columns;
    this.isJson = options.json ?? false;
    // `#write` reports a failed write. Without a listener, it would also end the process.
    if (stream.listenerCount('error') === 0) stream.on('error', () => {});
  }

  /** Returns the maximum number of rows to read: `requested`, or by default all in JSON and 100 in a table. */
  limit(requested: number | undefined): number {
    return requested ?? (this.isJson ? Number.MAX_SAFE_INTEGER : defaultTableRows);
  }

  /** Reports a completed action: a sentence, or an object in JSON. */
  async done(sentence: string, value: Record<Member, unknown>): Promise<void> {
    await this.#line(this.isJson ? printableJson(value) : printable(this.#named(sentence)));
  }

  /** Prints a JSON object, even without `--json`: then, a terminal shows a member on each line. */
  async value(value: Record<Member, unknown>): Promise<void> {
    await this.#line(this.#isTerminal && !this.isJson ? indentedJson(value) : printableJson(value));
  }

  /**
   * Prints a list: one JSON object per line, or a table.
   *
   * @param empty sentence for an empty list
   * @param limit maximum number of rows that were read: if it is reached, there may be more
   */
  async list<Row>(
    rows: AsyncIterable<Row> | Iterable<Row>,
    view: View<Row, Member>,
    empty: string,
    limit?: number,
  ): Promise<void> {
    if (this.isJson) await this.jsonLines(rows, view);
    else await this.table(rows, view, empty, limit);
  }

  /** Prints JSON objects, one per line, even without `--json`. Returns their number. */
  jsonLines<Row>(rows: AsyncIterable<Row> | Iterable<Row>, view: RecordView<Row, Member>): Promise<number> {
    return this.#each(rows, (row) => `${printableJson(view.json(row))}\n`);
  }

  /**
   * Prints rows as CSV below a header. Returns their number.
   *
   * @param members the columns, in their order
   */
  async csv<Row>(
    rows: AsyncIterable<Row> | Iterable<Row>,
    view: RecordView<Row, Member>,
    members: JsonMembers<Member>,
  ): Promise<number> {
    // The cast: the keys of an object literal are those of its type.
    const columns = Object.keys(members) as Member[];
    await this.#each([columns], csvLine);
    return this.#each(rows, (row) => {
      const record = view.json(row);
      const line = csvLine(columns.map((column) => record[column]));
      return this.#isTerminal ? `${printable(line.trimEnd())}\r\n` : line;
    });
  }

  /** Prints a table; nothing in JSON. For the parameters, see `list`. */
  async table<Row>(
    rows: AsyncIterable<Row> | Iterable<Row>,
    view: TableView<Row>,
    empty: string,
    limit?: number,
  ): Promise<void> {
    if (this.isJson) return;
    const all = await Array.fromAsync(rows);
    const count = all.length;
    await this.#shown(count === 0 ? this.#named(empty) : formatTable(all, view, this.#width));
    if (count > 0 && count === limit) await this.#shown(`Showing the first ${count}. Use --limit for more.`);
  }

  /** Prints a line of text; nothing in JSON. */
  async text(line: string): Promise<void> {
    if (!this.isJson) await this.#shown(printable(this.#named(line)));
  }

  /** Prints an empty line between two tables; nothing in JSON. */
  async gap(): Promise<void> {
    if (!this.isJson) await this.#shown('');
  }

  /** Returns a function that prints a list in batches: JSON objects, or one table that grows. */
  inBatches<Row>(view: View<Row, Member>): (rows: readonly Row[]) => Promise<void> {
    if (this.isJson) return (rows) => this.#line(rows.map((row) => printableJson(view.json(row))).join('\n'));
    const writer = new TableWriter(view, this.#width);
    return (rows) => this.#line(writer.write(rows));
  }

  /** Prints the sentence for an empty list; nothing in JSON. */
  async empty(sentence: string): Promise<void> {
    if (!this.isJson) await this.#line(this.#named(sentence));
  }

  /** Writes each row as its text. Returns the number of rows. @throws {OutputClosed} if the reader has ended */
  async #each<Row>(rows: AsyncIterable<Row> | Iterable<Row>, textOf: (row: Row) => string): Promise<number> {
    let count = 0;
    try {
      for await (const row of rows) {
        await this.#write(textOf(row));
        count += 1;
      }
    } catch (error) {
      throw closedOr(error);
    }
    return count;
  }

  /** Writes a line of a list, whose reader may have seen enough. @throws {OutputClosed} if the reader has ended */
  async #shown(text: string): Promise<void> {
    try {
      await this.#line(text);
    } catch (error) {
      throw closedOr(error);
    }
  }

  #named(sentence: string): string {
    return nameCommands(sentence, this.#commandName);
  }

  #line(text: string): Promise<void> {
    return this.#write(`${text}\n`);
  }

  #write(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(text, (error) => (error ? reject(error) : resolve()));
    });
  }
}

/** The reader of a list ended before its end, such as `head` in a pipe. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

function closedOr(error: unknown): unknown {
  return isClosedOutput(error)
    ? new OutputClosed('The reader of a list has ended.', { cause: error })
    : error;
}

/** Returns whether writing failed because the reader of standard output has ended. */
export function isClosedOutput(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}

/** Size of a terminal (characters). Missing: unlimited. */
export interface TerminalSize {
  columns?: number;
  rows?: number;
}

/** Returns the size of the terminal to which a stream writes; unlimited: it writes to none. */
export function terminalSize(stream: Writable): TerminalSize {
  if (!isTerminal(stream)) return {};
  // The cast: a terminal that does not report its size leaves both out.
  const { columns, rows } = stream as { columns?: unknown; rows?: unknown };
  return { ...(isSize(columns) && { columns }), ...(isSize(rows) && { rows }) };
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && value > 0;
}
