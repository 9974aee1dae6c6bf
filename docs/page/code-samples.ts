/** A code sample as Redoc shows it (`x-codeSamples`). */
export interface CodeSample {
  lang: string;
  label: string;
  source: string;
}

/** How a language writes the values of JSON. */
interface Syntax {
  /** Brackets with the space between them and the members on the same line. */
  brackets: { object: [string, string]; array: [string, string] };
  member: (name: string) => string;
  string: (text: string) => string;
  constants: Record<'true' | 'false' | 'null', string>;
  trailingComma: boolean;
}

/** Maximum length of an object or array on one line. */
const maxInlineLength = 50;

/**
 * Returns a request in each language, as a complete program that reads `LEADS_URL` and `LEADS_KEY` from its environment.
 *
 * @param path of the operation, whose method must be POST
 * @param body of the request
 */
export function codeSamples(path: string, body: unknown): CodeSample[] {
  const sources = {
    curl: curl(path, body),
    JavaScript: javaScript(path, body),
    Python: python(path, body),
    PHP: php(path, body),
  };
  return Object.entries(sources).map(([lang, source]) => ({ lang, label: lang, source }));
}

function curl(path: string, body: unknown): string {
  const json = literal(body, jsonSyntax, '    ', '  ').replaceAll("'", "'\\''");
  return `curl "$LEADS_URL${path}" \\
  -H "Authorization: Bearer $LEADS_KEY" \\
  -H 'Content-Type: application/json' \\
  -d '${json}'
`;
}

function javaScript(path: string, body: unknown): string {
  return `const response = await fetch(\`\${process.env.LEADS_URL}${path}\`, {
  method: 'POST',
  headers: {
    Authorization: \`Bearer \${process.env.LEADS_KEY}\`,
    'Content-Type': 'application/json',
  },
  body: JSON.stringify(${literal(body, javaScriptSyntax, '    ', '  ')}),
});
console.log(response.status, await response.text());
`;
}

function python(path: string, body: unknown): string {
  return `import json, os, urllib.error, urllib.request

request = urllib.request.Request(
    os.environ["LEADS_URL"] + "${path}",
    headers={
        "Authorization": "Bearer " + os.environ["LEADS_KEY"],
        "Content-Type": "application/json",
    },
    data=json.dumps(${literal(body, pythonSyntax, '        ', '    ')}).encode(),
)
try:
    response = urllib.request.urlopen(request)
except urllib.error.HTTPError as error:
    response = error
print(response.status, response.read().decode())
`;
}

function php(path: string, body: unknown): string {
  return `<?php
$request = curl_init(getenv('LEADS_URL') . '${path}');
curl_setopt_array($request, [
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_HTTPHEADER => [
        'Authorization: Bearer ' . getenv('LEADS_KEY'),
        'Content-Type: application/json',
    ],
    CURLOPT_POSTFIELDS => json_encode(${literal(body, phpSyntax, '        ', '    ')}),
]);
$body = curl_exec($request);
if ($body === false) {
    exit(curl_error($request) . "\\n");
}
echo curl_getinfo($request, CURLINFO_RESPONSE_CODE), ' ', $body, "\\n";
`;
}

const jsonSyntax: Syntax = {
  brackets: { object: ['{ ', ' }'], array: ['[', ']'] },
  member: (name) => `${JSON.stringify(name)}: `,
  string: (text) => JSON.stringify(text),
  constants: { true: 'true', false: 'false', null: 'null' },
  trailingComma: false,
};

const javaScriptSyntax: Syntax = {
  ...jsonSyntax,
  member: (name) => (/^[a-z_]\w*$/i.test(name) ? `${name}: ` : `${javaScriptString(name)}: `),
  string: javaScriptString,
  trailingComma: true,
};

const pythonSyntax: Syntax = {
  ...jsonSyntax,
  brackets: { object: ['{', '}'], array: ['[', ']'] },
  constants: { true: 'True', false: 'False', null: 'None' },
  trailingComma: true,
};

const phpSyntax: Syntax = {
  ...jsonSyntax,
  brackets: { object: ['[', ']'], array: ['[', ']'] },
  member: (name) => `${phpString(name)} => `,
  string: phpString,
  trailingComma: true,
};

function javaScriptString(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1);
  return `'${escaped.replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

function phpString(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

/** A value in a language, on one line if it is short. `indent` is that of its members, `outer` that of its end. */
function literal(value: unknown, syntax: Syntax, indent: string, outer: string): string {
  if (typeof value === 'string') return syntax.string(value);
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'object' || value === null)
    return syntax.constants[`${value}` as 'true' | 'false' | 'null'];
  const isArray = Array.isArray(value);
  const [open, close] = isArray ? syntax.brackets.array : syntax.brackets.object;
  const step = indent.slice(outer.length);
  const members = Object.entries(value).map(
    ([name, member]) => (isArray ? '' : syntax.member(name)) + literal(member, syntax, indent + step, indent),
  );
  const inline = `${open}${members.join(', ')}${close}`;
  if (inline.length <= maxInlineLength && !inline.includes('\n')) return inline;
  const end = syntax.trailingComma ? ',' : '';
  return `${open.trim()}\n${members.map((member) => indent + member).join(',\n')}${end}\n${outer}${close.trim()}`;
}
