import { type Token, tokenAt } from './json-token.ts';

/** The position of a JSON syntax error, and how to fix it. */
export interface JsonSyntaxError {
  /** Position in UTF-16 units, starting at 0. */
  offset: number;
  /** Clause without a full stop, to follow a colon. */
  hint: string;
}

/** What the grammar (RFC 8259) allows next. */
type Expected = 'value' | 'value or end' | 'name' | 'name or end' | 'colon' | 'comma or end' | 'nothing';

/** The state of the parser. */
interface ParserState {
  text: string;
  expected: Expected;
  /** The objects and arrays that are open, outermost first. */
  open: ('{' | '[')[];
  previous: Token;
}

/**
 * Finds the first syntax error in a text that is not JSON, with a specific hint for common mistakes. It keeps its own
 * stack, so that no nesting depth exhausts the call stack.
 *
 * @throws {Error} if the text is JSON
 */
export function locateJsonError(text: string): JsonSyntaxError {
  const state: ParserState = {
    text,
    expected: 'value',
    open: [],
    previous: { kind: 'end', start: 0, end: 0 },
  };
  for (;;) {
    const token = tokenAt(text, state.previous.end);
    if (token.kind === 'end' && state.expected === 'nothing') throw new Error('The text is valid JSON.');
    const error = errorAt(token, state);
    if (error !== undefined) return error;
    advance(state, token);
  }
}

function advance(state: ParserState, token: Token): void {
  const { open } = state;
  const afterValue = () => (open.length === 0 ? 'nothing' : 'comma or end');
  state.previous = token;
  switch (token.kind) {
    case '{':
    case '[':
      open.push(token.kind);
      state.expected = token.kind === '{' ? 'name or end' : 'value or end';
      return;
    case '}':
    case ']':
      open.pop();
      state.expected = afterValue();
      return;
    case ',':
      state.expected = open.at(-1) === '{' ? 'name' : 'value';
      return;
    case ':':
      state.expected = 'value';
      return;
    default:
      state.expected = state.expected.startsWith('name') ? 'colon' : afterValue();
  }
}

function errorAt(token: Token, state: ParserState): JsonSyntaxError | undefined {
  if (token.kind === 'comment') return at(token, 'JSON does not allow comments; remove this one');
  // Text that is copied from a web page can contain no-break spaces.
  if (/\s/.test(state.text.charAt(token.start))) {
    return at(token, 'JSON allows only spaces, tabs and line breaks as white space; put a space here');
  }
  if (state.expected.endsWith('or end') && isEnd(token, state)) return undefined;
  switch (state.expected) {
    case 'nothing':
      return at(token, 'unexpected text after the end of the JSON value');
    case 'comma or end':
      return token.kind === ',' ? undefined : errorAfterValue(token, state);
    case 'colon':
      if (token.kind === 'end') return unexpectedEnd(token);
      return token.kind === ':' ? undefined : at(token, 'a colon is missing after the field name');
    case 'name or end':
    case 'name':
      return token.kind === 'string' ? token.error : errorInsteadOf('name', token, state);
    case 'value or end':
    case 'value':
      return isValueStart(token) ? token.error : errorInsteadOf('value', token, state);
  }
}

function isEnd(token: Token, { open }: ParserState): boolean {
  return token.kind === (open.at(-1) === '{' ? '}' : ']');
}

function isValueStart({ kind }: Token): boolean {
  return kind === '{' || kind === '[' || kind === 'string' || kind === 'number' || kind === 'word';
}

function at(token: Token, hint: string): JsonSyntaxError {
  return { offset: token.start, hint };
}

function unexpectedEnd(token: Token): JsonSyntaxError {
  return at(token, 'unexpected end of input');
}

/** Returns the error at a token that follows a value, after which only a comma or a closing bracket is allowed. */
function errorAfterValue(token: Token, state: ParserState): JsonSyntaxError {
  const { previous, open } = state;
  const error = errorInPreviousValue(token, state);
  if (error !== undefined) return error;
  switch (token.kind) {
    case 'end':
      return unexpectedEnd(token);
    case '}':
    case ']':
      return at(token, `expected a closing ${open.at(-1) === '{' ? 'brace' : 'bracket'}`);
    case ':':
      return at(token, 'unexpected colon');
    default:
      return { offset: previous.end, hint: 'a comma is missing' };
  }
}

/** Returns the error if the value before the token caused it, such as a string with an unescaped quotation mark. */
function errorInPreviousValue(token: Token, { text, previous }: ParserState): JsonSyntaxError | undefined {
  const value = text.slice(previous.start, previous.end);
  const isText = token.kind === 'other' || token.kind === 'number' || token.kind === 'word';
  if (!isText || token.start !== previous.end) return undefined;
  if (previous.kind === 'string' && value.endsWith('\\\\"')) {
    return { offset: previous.end - 3, hint: 'escape a quotation mark with one backslash, not two' };
  }
  if (previous.kind === 'string') {
    return { offset: previous.end - 1, hint: 'escape a quotation mark inside a string with a backslash' };
  }
  if (token.kind === 'number' && /^-?0$/.test(value)) {
    return at(previous, 'a number cannot start with 0; put phone numbers in double quotes');
  }
  return at(previous, 'this is neither a number nor true, false or null; put text in double quotes');
}

/** Returns the error at a token that is not the field name or the value that must follow. */
function errorInsteadOf(
  missing: 'name' | 'value',
  token: Token,
  { text, previous }: ParserState,
): JsonSyntaxError {
  if (token.kind === 'end') return unexpectedEnd(token);
  if (previous.kind === ',' && (token.kind === '}' || token.kind === ']')) {
    return at(previous, `remove the comma before the closing ${token.kind === '}' ? 'brace' : 'bracket'}`);
  }
  const first = text.charAt(token.start);
  if (first === "'" || first === '`') return at(token, 'use double quotes instead of single quotes');
  if ('“”„‘’«»'.includes(first)) return at(token, 'use straight double quotes');
  if (missing === 'name') return at(token, 'expected a field name in double quotes');
  if (/^[+.]\d/.test(text.slice(token.start, token.start + 2))) {
    return at(token, 'a number cannot start with + or a dot; put phone numbers in double quotes');
  }
  if (token.kind !== 'other') return at(token, 'expected a value');
  if (previous.kind === 'end') return at(token, 'a JSON object starts with a brace');
  return at(token, 'put text in double quotes; the only words without quotes are true, false and null');
}
