/** Median and range of several measurements. */
export interface Measured {
  median: number;
  min: number;
  max: number;
}

/** Returns the median and the range of values; NaN for none. */
export function measured(values: readonly number[]): Measured {
  const sorted = values.toSorted((one, other) => one - other);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** Formats a number as an integer with thousands separators. */
export function formatInteger(value: number): string {
  return Math.round(value).toLocaleString('en-GB');
}

/** Prints a Markdown table for the docs. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  process.stdout.write(line(head) + line(head.map(() => '---')) + rows.map(line).join(''));
}
