/** The middle one of several measurements, and how far apart they are. */
export interface Measured {
  median: number;
  least: number;
  most: number;
}

export function measured(values: readonly number[]): Measured {
  const sorted = values.toSorted((one, other) => one - other);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return { median, least: sorted[0] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN };
}

/** Whole numbers with commas, as a person reads them. */
export function plain(value: number): string {
  return Math.round(value).toLocaleString('en-GB');
}

/** Prints a table in Markdown, so that it can be put into the docs as it is. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  process.stdout.write(line(head) + line(head.map(() => '---')) + rows.map(line).join(''));
}
