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

/** Stands for the API's URL in every sample; the page replaces it with the reader's own. */
export const urlPlaceholder = 'https://leads.example';

/** Stands for the reader's key in every sample. */
export const keyPlaceholder = 'YOUR_KEY';

/** Longest time that the samples wait for another attempt (s). After it, the program could do something else. */
const maxWait = 60;

/** Statuses after which the same request can be sent again. */
const retriedStatuses = [408, 409, 429, 500, 502, 503, 504];

/**
 * Returns a request in each language, as a complete program.
 *
 * @param path of the operation, whose method must be POST
 * @param body of the request
 */
export function codeSamples(path: string, body: unknown): CodeSample[] {
  return inEachLanguage({ curl, JavaScript: javaScript, Python: python, PHP: php }, path, body);
}

/** Returns a request that is retried with the same `Idempotency-Key`, in each language, as a complete program. */
export function retrySamples(path: string, body: unknown): CodeSample[] {
  const languages = {
    curl: curlRetry,
    JavaScript: javaScriptRetry,
    Python: pythonRetry,
    PHP: phpRetry,
  };
  return inEachLanguage(languages, path, body);
}

function inEachLanguage(
  languages: Record<string, (path: string, body: unknown) => string>,
  path: string,
  body: unknown,
): CodeSample[] {
  return Object.entries(languages).map(([lang, write]) => ({ lang, label: lang, source: write(path, body) }));
}

function curl(path: string, body: unknown): string {
  const json = literal(body, jsonSyntax, '    ', '  ').replaceAll("'", "'\\''");
  return `curl "${urlPlaceholder}${path}" \\
  -H "Authorization: Bearer ${keyPlaceholder}" \\
  -H 'Content-Type: application/json' \\
  -d '${json}'
`;
}

function curlRetry(path: string, body: unknown): string {
  // Without a file, curl prints the bodies of all attempts.
  const output = '  -o response.json \\\n';
  const key = "  -H 'Idempotency-Key: 5f0c6a2e-8d43-4a87-b1de-3c9f2a7e6b10' \\\n";
  const request = curl(path, body)
    .replace('curl ', 'curl --retry 5 --retry-all-errors --retry-max-time 120 --max-time 60 ')
    .replace(/(.*application\/json.*\n)/, (line) => line + key + output);
  return `${request}cat response.json\n`;
}

function javaScript(path: string, body: unknown): string {
  return `const response = await fetch('${urlPlaceholder}${path}', {
  method: 'POST',
  headers: {
    Authorization: 'Bearer ${keyPlaceholder}',
    'Content-Type': 'application/json',
  },
  body: JSON.stringify(${literal(body, javaScriptSyntax, '    ', '  ')}),
});
console.log(response.status, await response.text());
`;
}

function javaScriptRetry(path: string, body: unknown): string {
  return `const request = {
  method: 'POST',
  headers: {
    Authorization: 'Bearer ${keyPlaceholder}',
    'Content-Type': 'application/json',
    'Idempotency-Key': crypto.randomUUID(),
  },
  body: JSON.stringify(${literal(body, javaScriptSyntax, '    ', '  ')}),
};
const retried = [${retriedStatuses.join(', ')}];
let response;
for (let attempt = 1; ; attempt += 1) {
  const signal = AbortSignal.timeout(10_000);
  response = await fetch('${urlPlaceholder}${path}', { ...request, signal }).catch(() => undefined);
  if (response !== undefined && !retried.includes(response.status)) break;
  const seconds = Number(response?.headers.get('Retry-After') ?? 2 ** attempt);
  if (attempt === 5 || seconds > ${maxWait}) break;
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
console.log(response?.status, await response?.text());
`;
}

function python(path: string, body: unknown): string {
  return `import json, urllib.error, urllib.request

request = urllib.request.Request(
    "${urlPlaceholder}${path}",
    headers={
        "Authorization": "Bearer ${keyPlaceholder}",
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

function pythonRetry(path: string, body: unknown): string {
  return `import json, time, urllib.error, urllib.request, uuid

request = urllib.request.Request(
    "${urlPlaceholder}${path}",
    headers={
        "Authorization": "Bearer ${keyPlaceholder}",
        "Content-Type": "application/json",
        "Idempotency-Key": str(uuid.uuid4()),
    },
    data=json.dumps(${literal(body, pythonSyntax, '        ', '    ')}).encode(),
)
for attempt in range(1, 6):
    try:
        response = urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as error:
        response = error
    except OSError:
        response = None
    if response is not None and response.status not in (${retriedStatuses.join(', ')}):
        break
    seconds = None if response is None else response.headers["Retry-After"]
    seconds = int(seconds or 2**attempt)
    if attempt == 5 or seconds > ${maxWait}:
        break
    time.sleep(seconds)
if response is None:
    raise SystemExit("The server did not respond.")
print(response.status, response.read().decode())
`;
}

function php(path: string, body: unknown): string {
  return `<?php
$request = curl_init('${urlPlaceholder}${path}');
curl_setopt_array($request, [
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_HTTPHEADER => [
        'Authorization: Bearer ${keyPlaceholder}',
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

function phpRetry(path: string, body: unknown): string {
  return `<?php
$request = curl_init('${urlPlaceholder}${path}');
$retryAfter = null;
curl_setopt_array($request, [
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 10,
    CURLOPT_HTTPHEADER => [
        'Authorization: Bearer ${keyPlaceholder}',
        'Content-Type: application/json',
        'Idempotency-Key: ' . bin2hex(random_bytes(16)),
    ],
    CURLOPT_POSTFIELDS => json_encode(${literal(body, phpSyntax, '        ', '    ')}),
    CURLOPT_HEADERFUNCTION => function ($request, $line) use (&$retryAfter) {
        if (stripos($line, 'Retry-After:') === 0) {
            $retryAfter = (int) substr($line, 12);
        }
        return strlen($line);
    },
]);
$retried = [${[0, ...retriedStatuses].join(', ')}];
for ($attempt = 1; ; $attempt++) {
    $body = curl_exec($request);
    $status = curl_getinfo($request, CURLINFO_RESPONSE_CODE);
    if ($body !== false && !in_array($status, $retried)) {
        break;
    }
    $seconds = $retryAfter ?? 2 ** $attempt;
    if ($attempt === 5 || $seconds > ${maxWait}) {
        break;
    }
    sleep($seconds);
    $retryAfter = null;
}
echo $body === false ? curl_error($request) : "$status $body", "\\n";
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
