/** A piece of text as a JSON reader sees it (RFC 8259), whether or not it belongs where it stands. */
export interface Token {
  kind: '{' | '}' | '[' | ']' | ':' | ',' | 'string' | 'number' | 'word' | 'comment' | 'other' | 'end';
  /** Counted in UTF-16 units from 0. */
  start: number;
  end: number;
  /** What is wrong within the token, where it is no whole one. */
  fault?: { offset: number; advice: string };
}

const blanks = /[ \t\r\n]*/y;
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const word = /(?:true|false|null)(?![A-Za-z0-9_$])/y;
const comment = /\/[/*]/y;
const other = /[^\s{}[\]:,"]+/y;
const escapeSequence = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** The token at or after `from`, past white space. */
export function tokenAt(text: string, from: number): Token {
  const start = from + lengthOf(blanks, text, from);
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
    const length = lengthOf(pattern, text, start);
    if (length > 0) return { kind, start, end: start + length };
  }
  return { kind: 'other', start, end: start + 1 };
}

function lengthOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0].length ?? 0;
}

function stringAt(text: string, start: number): Token {
  let at = start + 1;
  const faulty = (offset: number, advice: string): Token => ({
    kind: 'string',
    start,
    end: offset,
    fault: { offset, advice },
  });
  for (; at < text.length; at += 1) {
    const letter = text.charAt(at);
    if (letter === '"') return { kind: 'string', start, end: at + 1 };
    if (letter === '\n' || letter === '\r') {
      return faulty(at, 'a string ends on its own line; write a line break in it as \\n');
    }
    if (letter < ' ') return faulty(at, 'a control character cannot stand in a string; write a tab as \\t');
    if (letter !== '\\') continue;
    const length = lengthOf(escapeSequence, text, at);
    if (length === 0) return faulty(at, 'a single backslash cannot stand here; write \\\\ for a backslash');
    at += length - 1;
  }
  return faulty(text.length, 'it ends before it is complete');
}
