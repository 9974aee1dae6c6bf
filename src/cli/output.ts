import type { Writable } from 'node:stream';
import { getBorderCharacters, table } from 'table';
import { printable, printableJson } from '../text/terminal.ts';

/** How rows are shown: to people as columns, to scripts as JSON. */
export interface View<Row> {
  columns: Record<string, (row: Row) => string>;
  json: (row: Row) => object;
}

/** How many rows a table shows where the operator does not say. */
const tableRows = 100;

/** Where a command writes to, and in which of the two forms. */
export class Output {
  readonly #stream: Writable;
  readonly #json: boolean;

  constructor(stream: Writable, json: boolean) {
    this.#stream = stream;
    this.#json = json;
    // A failed write is reported to the writer below; without a listener it would end the process too.
    if (stream.listenerCount('error') === 0) stream.on('error', () => {});
  }

  /** How many rows to ask for: what the operator said, or all for a script and a screenful for people. */
  limit(asked: number | undefined): number {
    return asked ?? (this.#json ? Number.MAX_SAFE_INTEGER : tableRows);
  }

  /** Says what was done: a sentence for people, a JSON value for scripts. */
  async done(sentence: string, value: object): Promise<void> {
    await this.#line(this.#json ? printableJson(value) : printable(sentence));
  }

  /** Sets one table off from the next. */
  async gap(): Promise<void> {
    if (!this.#json) await this.#line('');
  }

  /** One JSON value, in both forms. */
  async value(value: object): Promise<void> {
    await this.#line(printableJson(value));
  }

  /**
   * A list: one JSON value a line, as they come; or a table, with a sentence where there is nothing.
   *
   * @param asked how many rows were asked for: as many mean that there may be more
   */
  async list<Row>(
    rows: AsyncIterable<Row> | Iterable<Row>,
    view: View<Row>,
    nothing: string,
    asked?: number,
  ): Promise<void> {
    if (this.#json) {
      for await (const row of rows) await this.#line(printableJson(view.json(row)));
      return;
    }
    const lines = [Object.keys(view.columns)];
    for await (const row of rows) lines.push(Object.values(view.columns).map((cell) => printable(cell(row))));
    const count = lines.length - 1;
    await this.#line(count === 0 ? nothing : aligned(lines));
    if (count > 0 && count === asked) await this.#line(`These are the first ${count}; --limit N shows N.`);
  }

  /** Prints a list step by step: JSON values, a line each, or one table that grows. */
  inSteps<Row>(view: View<Row>): (rows: readonly Row[]) => Promise<void> {
    if (this.#json) return (rows) => this.#line(rows.map((row) => printableJson(view.json(row))).join('\n'));
    const names = Object.keys(view.columns);
    let widest: string[] | undefined;
    return async (rows) => {
      const lines = rows.map((row) => Object.values(view.columns).map((cell) => printable(cell(row))));
      const before = widest;
      widest = names.map((name, column) =>
        widestOf(before?.[column] ?? name, ...lines.map((line) => line[column] ?? '')),
      );
      // The widest cells so far, as a row that is not printed, keep the columns where they are.
      const text = aligned(before === undefined ? [names, ...lines] : [widest, ...lines]);
      await this.#line(before === undefined ? text : text.slice(text.indexOf('\n') + 1));
    };
  }

  /** Says that a list is empty; scripts get an empty one. */
  async nothing(sentence: string): Promise<void> {
    if (!this.#json) await this.#line(sentence);
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

/** A time as people and scripts both read it: ISO 8601, UTC, to the second; nothing for none. */
export function time(milliseconds: number): string;
export function time(milliseconds: number | null): string | null;
export function time(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Rows as columns, each as wide as it has to be. */
export function aligned(lines: string[][]): string {
  const text = table(lines, {
    border: getBorderCharacters('void'),
    columnDefault: { paddingLeft: 0, paddingRight: 2 },
    drawHorizontalLine: () => false,
  });
  return text.replace(/ +$/gm, '').trimEnd();
}
