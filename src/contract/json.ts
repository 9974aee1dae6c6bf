import { isUtf8 } from 'node:buffer';
import { locateJsonError } from './json-syntax-error.ts';
import { bodyFailure, type Failures } from './messages.ts';

/** A body's text and what it holds, or what is wrong with it. */
export type Json = { text: string; value: unknown } | { failures: Failures };

const byteOrderMark = '\ufeff';

/** Reads a body as JSON (RFC 8259): UTF-8, where a byte order mark at the start is passed over. */
export function readJson(bytes: Buffer): Json {
  if (!isUtf8(bytes)) return { failures: notUtf8(bytes) };
  let text = bytes.toString('utf8');
  if (text.startsWith(byteOrderMark)) text = text.slice(1);
  try {
    return { text, value: JSON.parse(text) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { failures: notJson(text) };
  }
}

function notJson(text: string): Failures {
  if (text.trim() === '') return bodyFailure('Body cannot be blank.');
  const { offset, advice } = locateJsonError(text);
  return bodyFailure(`Body is not valid JSON at ${placeIn(text.slice(0, offset))}: ${advice}.`);
}

function notUtf8(bytes: Buffer): Failures {
  // Decoding puts a replacement where a byte does not fit, so encoding again differs there first.
  const lossy = Buffer.from(bytes.toString('utf8'));
  let good = 0;
  while (lossy[good] === bytes[good]) good += 1;
  return bodyFailure(`Body is not valid UTF-8 at ${placeIn(bytes.toString('utf8', 0, good))}.`);
}

/** Where one is after reading `text`; lines and columns count from 1. */
function placeIn(text: string): string {
  const lines = text.split(/\r\n|\r|\n/);
  return `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
}
