/**
 * Characters that a terminal obeys or does not show: controls (C0, C1, DEL), format characters (bidi marks, isolates and
 * overrides, zero-width characters), line and paragraph separators, fillers, lone surrogates, and code points without an
 * assigned character, of which nobody knows what they will do.
 */
const unprintable = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Whether a terminal shows all of a text as it is. */
export function isPrintable(text: string): boolean {
  return text.search(unprintable) === -1;
}

/** Escapes a text for one line of a terminal: `\u202e`, and `\u{e0001}` beyond U+FFFF. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}

/** As `printable`, for a text of several lines. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** Writes a value as one line of JSON that a terminal shows as it is: the same characters are JSON's own escapes. */
export function printableJson(value: object): string {
  return JSON.stringify(value).replace(unprintable, escapedUnits);
}

/** JSON escapes UTF-16 code units (RFC 8259, section 7): a code point beyond U+FFFF takes two. */
function escapedUnits(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
