import { type Token, tokenAt } from './json-token.ts';

/** Where a text stops being JSON, and what to do about it. */
export interface JsonSyntaxError {
  /** Counted in UTF-16 units from 0. */
  offset: number;
  /** A clause that can follow a colon. */
  advice: string;
}

/** What the grammar (RFC 8259) allows next. */
type Expected = 'value' | 'value or end' | 'name' | 'name or end' | 'colon' | 'comma or end' | 'nothing';

/** Where the reading stands: what may come, what is open, and what came last. */
interface Reading {
  text: string;
  expected: Expected;
  open: ('{' | '[')[];
  previous: Token;
}

/**
 * Finds where a text that is not JSON goes wrong, and names the slip: the usual ones by what to do,
 * any other by what was expected. It keeps its own stack, so that no depth of nesting exhausts it.
 *
 * @throws where the text is JSON
 */
export function locateJsonError(text: string): JsonSyntaxError {
  const reading: Reading = { text, expected: 'value', open: [], previous: { kind: 'end', start: 0, end: 0 } };
  for (;;) {
    const token = tokenAt(text, reading.previous.end);
    if (token.kind === 'end' && reading.expected === 'nothing') throw new Error('A text without a slip.');
    const slip = errorAt(token, reading);
    if (slip !== undefined) return slip;
    advance(reading, token);
  }
}

function advance(reading: Reading, token: Token): void {
  const { open } = reading;
  const afterValue = () => (open.length === 0 ? 'nothing' : 'comma or end');
  reading.previous = token;
  switch (token.kind) {
    case '{':
    case '[':
      open.push(token.kind);
      reading.expected = token.kind === '{' ? 'name or end' : 'value or end';
      return;
    case '}':
    case ']':
      open.pop();
      reading.expected = afterValue();
      return;
    case ',':
      reading.expected = open.at(-1) === '{' ? 'name' : 'value';
      return;
    case ':':
      reading.expected = 'value';
      return;
    default:
      reading.expected = reading.expected.startsWith('name') ? 'colon' : afterValue();
  }
}

function errorAt(token: Token, reading: Reading): JsonSyntaxError | undefined {
  const at = (advice: string): JsonSyntaxError => ({ offset: token.start, advice });
  if (token.kind === 'comment') return at('JSON has no comments; remove this one');
  switch (reading.expected) {
    case 'nothing':
      return at('nothing may follow the end of the JSON');
    case 'comma or end':
      return token.kind === ',' || isEnd(token, reading) ? undefined : errorAfterValue(token, reading);
    case 'colon':
      if (token.kind === 'end') return incompleteRequest(token);
      return token.kind === ':' ? undefined : at('a colon is missing after the field name');
    case 'name or end':
    case 'name':
      if (token.kind === 'string') return token.fault;
      if (reading.expected === 'name or end' && isEnd(token, reading)) return undefined;
      return errorInsteadOf('name', token, reading);
    case 'value or end':
    case 'value':
      if (isValueStart(token)) return token.fault;
      if (reading.expected === 'value or end' && isEnd(token, reading)) return undefined;
      return errorInsteadOf('value', token, reading);
  }
}

function isEnd(token: Token, { open }: Reading): boolean {
  return token.kind === (open.at(-1) === '{' ? '}' : ']');
}

function isValueStart({ kind }: Token): boolean {
  return kind === '{' || kind === '[' || kind === 'string' || kind === 'number' || kind === 'word';
}

function incompleteRequest(token: Token): JsonSyntaxError {
  return { offset: token.start, advice: 'it ends before it is complete' };
}

/** What stands where only a comma or a closing bracket could. */
function errorAfterValue(token: Token, { text, previous, open }: Reading): JsonSyntaxError {
  const isText = token.kind === 'other' || token.kind === 'number' || token.kind === 'word';
  const touches = isText && token.start === previous.end;
  const before = text.slice(previous.start, previous.end);
  if (previous.kind === 'string' && before.endsWith('\\\\"')) {
    return {
      offset: previous.end - 3,
      advice: 'a quote mark inside a string has one backslash before it, not two',
    };
  }
  if (previous.kind === 'string' && touches) {
    return { offset: previous.end - 1, advice: 'a quote mark inside a string needs a backslash before it' };
  }
  if (touches && token.kind === 'number' && /^-?0$/.test(before)) {
    return {
      offset: previous.start,
      advice: 'a number cannot begin with 0; put a phone number in double quotes',
    };
  }
  if (touches)
    return {
      offset: previous.start,
      advice: 'this is neither a number nor a word of JSON; put text in double quotes',
    };
  if (token.kind === 'end') return incompleteRequest(token);
  if (token.kind === '}' || token.kind === ']') {
    return {
      offset: token.start,
      advice: `a closing ${open.at(-1) === '{' ? 'brace' : 'bracket'} is expected here`,
    };
  }
  if (token.kind === ':') return { offset: token.start, advice: 'no colon is expected here' };
  return { offset: previous.end, advice: 'a comma is missing' };
}

/** What stands where a field name or a value should. */
function errorInsteadOf(
  missing: 'name' | 'value',
  token: Token,
  { text, previous }: Reading,
): JsonSyntaxError {
  const at = (advice: string): JsonSyntaxError => ({ offset: token.start, advice });
  if (token.kind === 'end') return incompleteRequest(token);
  if (previous.kind === ',' && (token.kind === '}' || token.kind === ']')) {
    return {
      offset: previous.start,
      advice: `remove the comma before the closing ${token.kind === '}' ? 'brace' : 'bracket'}`,
    };
  }
  const first = text.charAt(token.start);
  if (first === "'" || first === '`') return at('use double quotes instead of single quotes');
  if ('“”„‘’«»'.includes(first)) return at('use straight double quotes');
  if (missing === 'name') return at('a field name in double quotes is expected here');
  if (/^[+.]\d/.test(text.slice(token.start, token.start + 2))) {
    return at('a number cannot begin with + or a dot; put a phone number in double quotes');
  }
  if (token.kind !== 'other') return at('a value is expected here');
  if (previous.kind === 'end') return at('a JSON object begins with a brace');
  return at('put text in double quotes; only true, false and null stand bare');
}
