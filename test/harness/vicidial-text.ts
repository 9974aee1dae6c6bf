/** What VICIdial 2.14-202 does to text: some characters are dropped, and `+` becomes a space. */

/** A custom field of a list: its maximum length (characters), or `date`. */
export type CustomField = number | 'date';

/** Names and other standard columns. @param keepsLetters whether non-Latin letters are enabled */
function asName(text: string, keepsLetters: boolean): string {
  return inDatabase(text).replace(keepsLetters ? /[^- '_.\p{L}\p{Nd}]/gu : /[^- '_.0-9a-z]/gi, '');
}

/** The database has three bytes for a character. */
function inDatabase(text: string): string {
  return text.replace(/[\u{10000}-\u{10ffff}]/gu, '????');
}

/** Characters that some columns lose in addition. */
const lost: Readonly<Record<string, RegExp>> = {
  middle_initial: /[ '.]/g,
  state: /['._]/g,
  postal_code: /[._]/g,
  country_code: /[ '.]/g,
  rank: /-/g,
};

/** A standard column. */
export function asColumn(name: string, text: string, keepsLetters: boolean): string {
  return asName(text, keepsLetters).replace(lost[name] ?? /(?!)/g, '');
}

/** E-mail addresses. */
export function asEmail(text: string): string {
  return text.replace(/[^- '_.:/@%0-9a-z]/gi, '');
}

/** Comments. A backslash escapes the next character in the database. */
export function asComments(text: string): string {
  return inDatabase(text)
    .replace(/[;#"\\]/g, '')
    .replaceAll('+', ' ')
    .slice(0, 255);
}

/** Custom fields. The database cuts long values, and stores a wrong date as 0000-00-00. */
export function asCustomField(text: string, field: CustomField): string {
  const stored = inDatabase(text)
    .replace(/[;"\\]/g, '')
    .replaceAll('+', ' ');
  if (field === 'date') return /^\d{4}-\d\d-\d\d$/.test(stored) ? stored : '0000-00-00';
  return stored.slice(0, field);
}
