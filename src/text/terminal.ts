/**
 * Characters that control a terminal or are not displayed: control characters (C0, C1, DEL), format characters (bidi
 * marks, isolates and overrides, zero-width characters), line and paragraph separators, fillers, lone surrogates, and
 * unassigned code points.
 */
const unprintable = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Returns whether a terminal displays the whole text unchanged. */
export function isPrintable(text: string): boolean {
  return text.search(unprintable) === -1;
}

/** Escapes unprintable characters for one line of a terminal: `\u202e`, and `\u{e0001}` beyond U+FFFF. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}

/** Escapes unprintable characters, but keeps line breaks. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** Formats a value as one line of JSON in which unprintable characters are JSON escapes. */
export function printableJson(value: object): string {
  return JSON.stringify(value).replace(unprintable, escapedUnits);
}

/** Same as `printableJson`, with a line for each member. */
export function indentedJson(value: object): string {
  const lines = JSON.stringify(value, null, 2).split('\n');
  return lines.map((line) => line.replace(unprintable, escapedUnits)).join('\n');
}

/** Returns the JSON escape of each UTF-16 code unit of a character (RFC 8259, section 7): two beyond U+FFFF. */
function escapedUnits(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
