import { isUtf8 } from 'node:buffer';
import { locateJsonError } from './json-syntax-error.ts';
import { bodyError, type ValidationErrors } from './messages.ts';

/** A body's text and its parsed value, or its validation errors. */
export type JsonResult = { text: string; value: unknown } | { errors: ValidationErrors };

const byteOrderMark = '\ufeff';

/** Parses a body as JSON (RFC 8259): UTF-8, with an optional byte order mark. */
export function readJson(bytes: Buffer): JsonResult {
  if (!isUtf8(bytes)) return { errors: notUtf8(bytes) };
  let text = bytes.toString('utf8');
  if (text.startsWith(byteOrderMark)) text = text.slice(1);
  try {
    return { text, value: JSON.parse(text) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { errors: notJson(text) };
  }
}

function notJson(text: string): ValidationErrors {
  if (text.trim() === '') return bodyError('Body cannot be blank.');
  const { offset, hint } = locateJsonError(text);
  return bodyError(`Body is not valid JSON at ${endPosition(text.slice(0, offset))}: ${hint}.`);
}

function notUtf8(bytes: Buffer): ValidationErrors {
  return bodyError(`Body is not valid UTF-8 at ${endPosition(validPrefix(bytes))}.`);
}

/** Returns the text before the first invalid byte: decoding puts U+FFFD there, which a sender can also have written. */
function validPrefix(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  const written = Buffer.from('\ufffd');
  let [from, offset] = [0, 0];
  for (let at = text.indexOf('\ufffd'); at >= 0; at = text.indexOf('\ufffd', at + 1)) {
    // Only the text since the previous U+FFFD is measured: a body can contain tens of thousands of them.
    offset += Buffer.byteLength(text.slice(from, at));
    if (!bytes.subarray(offset, offset + written.length).equals(written)) return text.slice(0, at);
    from = at;
  }
  return text;
}

/** Returns the line and column after a text, both starting at 1. */
function endPosition(text: string): string {
  const lines = text.split(/\r\n|\r|\n/);
  return `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
}
