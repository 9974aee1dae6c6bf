import anyAscii from 'any-ascii';

/**
 * Rewrites text so that VICIdial keeps its meaning. Build 2.14-202 drops `"`, `;`, `#` and non-Latin letters (unless
 * the system allows them), and turns `+` into a space. Line breaks and `|` separate lines and values in its API.
 *
 * @param letters `latin`: transliterate all other letters
 */
export function sanitise(text: string, letters: 'latin' | 'all'): string {
  const sanitised = text
    .replaceAll('"', "'")
    .replaceAll(';', ',')
    .replace(/(?<=\w)#(?=\s*\w)/g, ' #')
    .replace(/#\s*(?=\w)/g, 'no ')
    .replaceAll('#', ' ')
    .replace(/(?<!\w)\+(?=\d)/g, '00')
    .replaceAll('+', ' plus ')
    .replace(/[\\|]/g, '/')
    .replace(/[\s\p{Cc}\p{Cf}\p{Cs}]+/gu, ' ')
    .trim();
  // Transliterate last, because it can produce the same special characters.
  return letters === 'latin' ? replaceSpecialCharacters(anyAscii(sanitised)) : sanitised;
}

/** Replaces special characters that the transliteration of typographic ones produced. */
function replaceSpecialCharacters(text: string): string {
  return text
    .replaceAll('"', "'")
    .replaceAll(';', ',')
    .replace(/[#+\\|]/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}
