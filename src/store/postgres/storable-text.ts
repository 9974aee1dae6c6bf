/**
 * Replaces what PostgreSQL's `text` and `json` cannot hold: U+0000 and lone surrogates. No name or id contains either,
 * so the result cannot match another one.
 */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}
