/** A JSON token (RFC 8259), whether or not the grammar allows it at its position. */
export interface Token {
  kind: '{' | '}' | '[' | ']' | ':' | ',' | 'string' | 'number' | 'word' | 'comment' | 'other' | 'end';
  /** Position in UTF-16 units, starting at 0. */
  start: number;
  end: number;
  /** The error within the token; undefined: the token is well-formed. */
  error?: { offset: number; hint: string };
}

const whiteSpace = /[ \t\r\n]*/y;
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const word = /(?:true|false|null)(?![A-Za-z0-9_$])/y;
const comment = /\/[/*]/y;
const other = /[^\s{}[\]:,"]+/y;
const escapeSequence = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** Returns the first token at or after a position. */
export function tokenAt(text: string, from: number): Token {
  const start = from + matchLength(whiteSpace, text, from);
  const first = text.charAt(start);
  switch (first) {
    case '':
      return { kind: 'end', start, end: start };
    case '{':
    case '}':
    case '[':
    case ']':
    case ':':
    case ',':
      return { kind: first, start, end: start + 1 };
    case '"':
      return stringAt(text, start);
  }
  const kinds = [
    ['number', number],
    ['word', word],
    ['comment', comment],
    ['other', other],
  ] as const;
  for (const [kind, pattern] of kinds) {
    const length = matchLength(pattern, text, start);
    if (length > 0) return { kind, start, end: start + length };
  }
  return { kind: 'other', start, end: start + 1 };
}

/** Returns the length of a sticky pattern's match at a position; 0 if it does not match. */
function matchLength(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0].length ?? 0;
}

function stringAt(text: string, start: number): Token {
  let at = start + 1;
  const malformed = (offset: number, hint: string): Token => ({
    kind: 'string',
    start,
    end: offset,
    error: { offset, hint },
  });
  for (; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '"') return { kind: 'string', start, end: at + 1 };
    if (character === '\n' || character === '\r') {
      return malformed(at, 'a string cannot contain a line break; write it as \\n');
    }
    if (character < ' ')
      return malformed(at, 'a string cannot contain control characters; write a tab as \\t');
    if (character !== '\\') continue;
    const length = matchLength(escapeSequence, text, at);
    if (length === 0)
      return malformed(at, 'a single backslash is not allowed here; write \\\\ for a backslash');
    at += length - 1;
  }
  return malformed(text.length, 'unexpected end of input');
}
