/**
 * A character that can be seen: neither white space, nor a control or format character, nor a filler (Hangul, Khitan), the
 * braille blank, the null note head, a lone surrogate, or a code point that is no character.
 */
const visible =
  /[^\s\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800\u{16fe4}\u{1d159}]/u;

/** Whether nothing of a text can be seen; an empty one included. */
export function isInvisible(text: string): boolean {
  return !visible.test(text);
}
