import type { Writable } from 'node:stream';
import { getBorderCharacters, table } from 'table';
import { printable, printableJson } from '../text/terminal.ts';

/** Members of a command's JSON output, each with its description. */
export type JsonMembers<Member extends string = string> = Readonly<Record<Member, string>>;

/** How rows are displayed: as a table for people, as JSON for scripts. */
export interface View<Row, Member extends string = string> {
  columns: Record<string, (row: Row) => string>;
  json: (row: Row) => Record<Member, unknown>;
}

/** Number of rows in a table without `--limit`. */
const defaultTableRows = 100;

/** The output of a command, as text or as JSON. */
export class Output<Member extends string = string> {
  readonly isJson: boolean;
  readonly #stream: Writable;

  constructor(stream: Writable, isJson: boolean) {
    this.#stream = stream;
    this.isJson = isJson;
    // `#line` reports a failed write. Without a listener, it would also end the process.
    if (stream.listenerCount('error') === 0) stream.on('error', () => {});
  }

  /** Returns the maximum number of rows to read: `requested`, or by default all in JSON and 100 in a table. */
  limit(requested: number | undefined): number {
    return requested ?? (this.isJson ? Number.MAX_SAFE_INTEGER : defaultTableRows);
  }

  /** Reports a completed action: a sentence, or an object in JSON. */
  async done(sentence: string, value: Record<Member, unknown>): Promise<void> {
    await this.#line(this.isJson ? printableJson(value) : printable(sentence));
  }

  /** Prints a JSON object, even without `--json`. */
  async value(value: Record<Member, unknown>): Promise<void> {
    await this.#line(printableJson(value));
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
    if (!this.isJson) return this.table(rows, view, empty, limit);
    for await (const row of rows) await this.#line(printableJson(view.json(row)));
  }

  /** Prints a table; nothing in JSON. For the parameters, see `list`. */
  async table<Row>(
    rows: AsyncIterable<Row> | Iterable<Row>,
    view: View<Row>,
    empty: string,
    limit?: number,
  ): Promise<void> {
    if (this.isJson) return;
    const lines = [Object.keys(view.columns)];
    for await (const row of rows) lines.push(Object.values(view.columns).map((cell) => printable(cell(row))));
    const count = lines.length - 1;
    await this.#line(count === 0 ? empty : formatTable(lines));
    if (count > 0 && count === limit) await this.#line(`Showing the first ${count}. Use --limit for more.`);
  }

  /** Prints the heading of a table; nothing in JSON. */
  async heading(text: string): Promise<void> {
    if (!this.isJson) await this.#line(`${text}:`);
  }

  /** Prints an empty line between two tables; nothing in JSON. */
  async gap(): Promise<void> {
    if (!this.isJson) await this.#line('');
  }

  /** Returns a function that prints a list in batches: JSON objects, or one table that grows. */
  inBatches<Row>(view: View<Row, Member>): (rows: readonly Row[]) => Promise<void> {
    if (this.isJson) return (rows) => this.#line(rows.map((row) => printableJson(view.json(row))).join('\n'));
    const headings = Object.keys(view.columns);
    let widest: string[] | undefined;
    return async (rows) => {
      const lines = rows.map((row) => Object.values(view.columns).map((cell) => printable(cell(row))));
      const before = widest;
      widest = headings.map((heading, column) =>
        widestOf(before?.[column] ?? heading, ...lines.map((line) => line[column] ?? '')),
      );
      // Later batches are formatted below a row of the widest cells so far, which aligns the columns and is then cut off.
      const text = formatTable(before === undefined ? [headings, ...lines] : [widest, ...lines]);
      await this.#line(before === undefined ? text : text.slice(text.indexOf('\n') + 1));
    };
  }

  /** Prints the sentence for an empty list; nothing in JSON. */
  async empty(sentence: string): Promise<void> {
    if (!this.isJson) await this.#line(sentence);
  }

  #line(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(`${text}\n`, (error) => (error ? reject(error) : resolve()));
    });
  }
}

function widestOf(...cells: string[]): string {
  return cells.reduce((widest, cell) => (cell.length > widest.length ? cell : widest));
}

/** Formats a time (ms since 1970) as ISO 8601 in UTC, to the second; null stays null. */
export function formatTime(milliseconds: number): string;
export function formatTime(milliseconds: number | null): string | null;
export function formatTime(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Formats rows as columns, each as wide as its widest cell. */
export function formatTable(lines: string[][]): string {
  const text = table(lines, {
    border: getBorderCharacters('void'),
    columnDefault: { paddingLeft: 0, paddingRight: 2 },
    drawHorizontalLine: () => false,
  });
  return text.replace(/ +$/gm, '').trimEnd();
}
