import anyAscii from 'any-ascii';

/**
 * Writes text such that VICIdial keeps what it means. Seen with build 2.14-202: it drops `"`, `;`, `#`
 * and letters that are not Latin (unless the system has them on), and makes `+` a space. A line break
 * or a `|` would read as another answer in its own output.
 *
 * @param letters `latin` writes all other letters in Latin ones
 */
export function plainText(text: string, letters: 'latin' | 'all'): string {
  const plain = text
    .replaceAll('"', "'")
    .replaceAll(';', ',')
    .replace(/#\s*(?=\w)/g, 'no ')
    .replaceAll('#', ' ')
    .replace(/\+(?=\d)/g, '00')
    .replaceAll('+', ' plus ')
    .replace(/[\\|]/g, '/')
    .replace(/[\s\p{Cc}\p{Cf}\p{Cs}]+/gu, ' ')
    .trim();
  // Letters come last: what they are written in may have none of the signs above.
  return letters === 'latin' ? plainSigns(anyAscii(plain)) : plain;
}

/** Typographic signs become the plain ones that were dealt with before. */
function plainSigns(text: string): string {
  return text
    .replaceAll('"', "'")
    .replaceAll(';', ',')
    .replace(/[#+\\|]/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}
