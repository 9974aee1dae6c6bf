/**
 * A visible character: not white space, a control or format character, a filler (Hangul, Khitan), the braille blank,
 * the null note head, a lone surrogate or a noncharacter.
 */
const visible =
  /[^\s\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800\u{16fe4}\u{1d159}]/u;

/** Returns whether a text contains no visible character. An empty text is invisible. */
export function isInvisible(text: string): boolean {
  return !visible.test(text);
}

/** Returns whether a value is missing, null, or a string without visible characters. */
export function isBlank(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'string' && isInvisible(value));
}
