/** A form as PHP's $_POST contains it: the last value of a name wins, and `.` and space in a name become `_`. */
export type PhpForm = Record<string, string>;

/** Maximum number of members that PHP reads (`max_input_vars`). It drops the rest. */
const maxMembers = 1_000;

/** Parses a form as PHP does. */
export function phpForm(body: string): PhpForm {
  const form: PhpForm = {};
  for (const pair of body.split('&').slice(0, maxMembers)) {
    const [name = '', value = ''] = pair.split(/=(.*)/s).map((part) => decode(part));
    form[name.trimStart().replace(/[ .]/g, '_')] = value;
  }
  return form;
}

/** PHP's urldecode(): a `%` without two hexadecimal digits is unchanged. */
function decode(text: string): string {
  const bytes = text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}
