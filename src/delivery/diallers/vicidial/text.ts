import anyAscii from 'any-ascii';

/** Letters that VICIdial keeps: `latin` without accents, unless non-Latin letters are enabled (`all`). */
export type Letters = 'latin' | 'all';

const apostrophes = /[\u2018\u2019\u201a\u201b\u02bc\u2032\uff07]/g;
const doubleQuotes = /["\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02]/g;
const dashes = /[\u2010-\u2015\u2212]/g;

/** Letters that VICIdial's database replaces by `????`: its character set ends before them. */
const beyondDatabase = /[\u{10000}-\u{10ffff}]/gu;

/** Emoji, except for signs such as ©, and the characters that join or colour them. */
const emoji = /(?![©®™])\p{Extended_Pictographic}|\p{Regional_Indicator}|\p{Emoji_Modifier}|[\ufe0f\u20e3]/gu;

/**
 * Rewrites text so that the rules of any field keep its meaning: composes letters, drops emoji, replaces typographic
 * apostrophes and quotation marks by `'`, and line breaks and control characters by spaces.
 */
function normaliseText(text: string, letters: Letters): string {
  const replaced = text
    .normalize('NFC')
    .replace(apostrophes, "'")
    .replace(doubleQuotes, "'")
    .replace(emoji, ' ');
  const kept = trim(replaced);
  const latin = (text: string) => anyAscii(text).replaceAll('"', "'");
  return trim(letters === 'latin' ? latin(kept) : kept.replace(beyondDatabase, latin).normalize('NFC'));
}

function trim(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Cf}\p{Cs}]+/gu, ' ').trim();
}

/**
 * Replaces what VICIdial loses in `comments` and custom fields: `;`, backslashes, and `+`, which stands for the
 * international prefix before a number.
 */
function replaceSigns(text: string): string {
  return text
    .replaceAll(';', ',')
    .replaceAll('\\', '/')
    .replace(/(?<!\w)\+(?=\d)/g, '00')
    .replaceAll('+', ' plus ');
}

/** Rewrites text for a name or another standard column, which keeps letters, digits, spaces and `-'_.` only. */
export function nameText(text: string, letters: Letters): string {
  const replaced = normaliseText(text, letters)
    .replace(dashes, '-')
    .replace(/[&+]/g, ' and ')
    .replace(/(?<=\w)\/(?=\w)/g, '-')
    .replace(/[^- '_.\p{L}\p{M}\p{Nd}]/gu, ' ');
  // A mark that cannot be composed is dropped by VICIdial; its letter must stay part of the word.
  return trim(replaced.replace(/\p{M}/gu, ''));
}

/** Returns whether a name loses marks, without which it is another name in some scripts. */
export function losesMarks(text: string, letters: Letters): boolean {
  return letters === 'all' && /\p{L}\p{M}/u.test(text.normalize('NFC').replace(emoji, ' '));
}

/** Rewrites text for `comments`, which also lose `#`. */
export function commentText(text: string, letters: Letters): string {
  const replaced = replaceSigns(normaliseText(text, letters))
    .replace(/(?<=\w)#(?=\s*\w)/g, ' #')
    .replace(/#\s*(?=\w)/g, 'no ')
    .replaceAll('#', ' ');
  return trim(replaced);
}

/** Rewrites text for a custom field. */
export function customFieldText(text: string, letters: Letters): string {
  return trim(replaceSigns(normaliseText(text, letters)));
}

/** Returns whether the column `email` keeps an address as it is. */
export function isKeptAsEmail(email: string): boolean {
  return /^[-'_.:/@%A-Za-z0-9]{1,70}$/.test(email);
}

const namesOfSigns: Readonly<Record<string, string>> = {
  '+': '[plus]',
  '#': '[hash]',
  ';': '[semicolon]',
  '"': '[quote]',
};

/** Rewrites an e-mail address for `comments`: unaltered, except for the signs that comments lose, which are named. */
export function emailComment(email: string): string {
  return email.replace(/[+#;"]/g, (sign) => namesOfSigns[sign] ?? sign);
}
