import stringWidth from 'string-width';
import { getBorderCharacters, table } from 'table';
import { isUuid } from '../leads/identifier.ts';
import { formatRelativeTime } from '../text/duration.ts';
import { printable } from '../text/terminal.ts';
import { formatTime } from '../text/time.ts';

/** A cell of a table: a text, a time (ms since 1970), or a text that is shortened in a terminal that is too narrow. */
export type Cell = string | { time: number } | { text: string; short: string };

/** How rows are displayed as a table. */
export interface TableView<Row> {
  /** Columns by heading. */
  columns: Readonly<Record<string, (row: Row) => Cell>>;
  /** Headings of the columns in a terminal that is too narrow for all of them. Undefined: all. */
  narrow?: readonly string[];
}

/** Headings of columns whose cells are never split, because people copy them. */
const unsplit = new Set(['ID', 'LEAD', 'CANCELLATIONS FOR', 'MOBILE']);

/** Number of columns of a terminal between two columns of a table. */
const gap = 2;

/** Minimum width of a column whose cells are split. */
const minWidth = 8;

/** Returns the cell of a time, or `none` if there is no time. */
export function timeOr(milliseconds: number | null, none: string): Cell {
  return milliseconds === null ? none : { time: milliseconds };
}

/**
 * Formats rows as a table below its headings. A table that is wider than the terminal has fewer columns and relative
 * times, and its texts continue on further lines.
 *
 * @param width of the terminal; undefined: the output is not a terminal, so each row is one line
 */
export function formatTable<Row>(
  rows: readonly Row[],
  view: TableView<Row>,
  width: number | undefined,
): string {
  const full = new TableWriter(view, undefined);
  const text = full.write(rows);
  return width === undefined || full.width <= width ? text : new TableWriter(view, width).write(rows);
}

/** Formats a table whose rows arrive in batches, each as wide as the widest so far. */
export class TableWriter<Row> {
  readonly #view: TableView<Row>;
  readonly #terminalWidth: number | undefined;
  readonly #headings: readonly string[];
  #widths: readonly number[] = [];

  /** @param terminalWidth to which the table is narrowed; undefined: it is not */
  constructor(view: TableView<Row>, terminalWidth: number | undefined) {
    this.#view = view;
    this.#terminalWidth = terminalWidth;
    const all = Object.keys(view.columns);
    this.#headings = terminalWidth === undefined ? all : (view.narrow ?? all);
  }

  /** Width of the widest batch so far. */
  get width(): number {
    return totalWidth(this.#widths);
  }

  /** Formats the next rows, the first ones below the headings. */
  write(rows: readonly Row[]): string {
    const cells = rows.map((row) =>
      this.#headings.map((heading) => this.#view.columns[heading]?.(row) ?? ''),
    );
    const lines = cells.map((row) => row.map((cell) => this.#format(cell)));
    if (this.#widths.length === 0) lines.unshift([...this.#headings]);
    const widest = (column: number, widthOf: (text: string) => number) =>
      lines.reduce((width, line) => Math.max(width, widthOf(line[column] ?? '')), 0);
    const columns = this.#headings.map((heading, column): Column => {
      const isText = cells.every((row) => typeof row[column] === 'string' || 'text' in (row[column] ?? {}));
      const canSplit = this.#terminalWidth !== undefined && isText && !unsplit.has(heading);
      const width = Math.max(this.#widths[column] ?? 0, widest(column, stringWidth));
      return canSplit
        ? { width, longestWord: widest(column, longestWord), minWidth: widest(column, minWidthOf) }
        : { width, longestWord: width, minWidth: width };
    });
    this.#widths = (this.#terminalWidth === undefined ? columns : shrunk(columns, this.#terminalWidth)).map(
      ({ width }) => width,
    );
    return render(lines, this.#widths);
  }

  #format(cell: Cell): string {
    if (typeof cell === 'string') return printable(cell);
    if ('text' in cell) return printable(this.#terminalWidth === undefined ? cell.text : cell.short);
    return this.#terminalWidth === undefined ? formatTime(cell.time) : formatRelativeTime(cell.time);
  }
}

/** A column while the width of its table is calculated. */
interface Column {
  width: number;
  /** Width of the longest word of its cells, or of the widest cell if they cannot be split. */
  longestWord: number;
  /** Width below which it is never narrowed. */
  minWidth: number;
}

/** Returns the minimum width of a cell that is split: that of its request ids, which people copy. */
function minWidthOf(text: string): number {
  return Math.max(minWidth, ...text.split(' ').filter(isUuid).map(stringWidth));
}

function longestWord(text: string): number {
  return Math.max(...text.split(' ').map(stringWidth));
}

/** Narrows the widest columns until the table fits: first to their longest words, then to the minimum width. */
function shrunk(columns: readonly Column[], terminalWidth: number): Column[] {
  const result = columns.map((column) => ({ ...column }));
  const minimums = [
    ({ longestWord }: Column) => longestWord,
    ({ width, minWidth }: Column) => Math.min(width, minWidth),
  ];
  for (const minimumOf of minimums) {
    while (totalWidth(result.map(({ width }) => width)) > terminalWidth) {
      const [widest] = result
        .filter((column) => column.width > minimumOf(column))
        .toSorted((one, other) => other.width - one.width);
      if (widest === undefined) break;
      widest.width -= 1;
    }
  }
  return result;
}

function totalWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, gap * (widths.length - 1));
}

function render(lines: string[][], widths: readonly number[]): string {
  const text = table(lines, {
    border: getBorderCharacters('void'),
    columnDefault: { paddingLeft: 0, paddingRight: gap, wrapWord: true },
    columns: widths.map((width) => ({ width })),
    drawHorizontalLine: () => false,
  });
  return text.replace(/ +$/gm, '').trimEnd();
}
