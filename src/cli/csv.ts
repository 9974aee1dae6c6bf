/** CSV as in RFC 4180: commas between cells, CRLF after each line, and quotation marks if they are necessary. */

/**
 * First characters that make a spreadsheet interpret a cell as a formula, in any width (OWASP, CSV injection). What
 * partners send could otherwise run in the spreadsheet of an operator.
 */
const formulaStart = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** A phone number in E.164 starts like a formula, but is a harmless number. */
const phoneNumber = /^\+[0-9]+$/;

/**
 * Formats the values of a line. Null and undefined are empty cells, and an object is JSON. A text that a spreadsheet
 * would interpret as a formula begins with an apostrophe, unless it is a phone number (E.164).
 */
export function csvLine(values: readonly unknown[]): string {
  return `${values.map((value) => quoted(withoutFormula(textOf(value)))).join(',')}\r\n`;
}

/** Formats cells exactly as they are, for a file that a command reads again and no spreadsheet must change. */
export function exactCsvLine(cells: readonly string[]): string {
  return `${cells.map(quoted).join(',')}\r\n`;
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function withoutFormula(text: string): string {
  return formulaStart.test(text) && !phoneNumber.test(text) ? `'${text}` : text;
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
