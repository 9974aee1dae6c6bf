import { readFileSync } from 'node:fs';

const guide = readFileSync(new URL('../../docs/operating/diallers.md', import.meta.url), 'utf8');

/** Values for the placeholders in the examples of the guide. */
export interface ExampleValues {
  /** URL of the receiver. */
  url: string;
  /** Random bytes in base64, for a signing secret. */
  secret: string;
  password: string;
}

/**
 * Returns the environment variables of a dialler's example in the guide (the code block that starts with `DIALLER=`),
 * so that tests which cover every dialler need no settings. A dialler without variables needs no example.
 */
export function exampleEnvironment(dialler: string, values: ExampleValues): Record<string, string> {
  const [, block = `DIALLER=${dialler}`] =
    new RegExp(`^\`\`\`\n(DIALLER=${dialler}\n[^\`]*)`, 'm').exec(guide) ?? [];
  const variables = block
    .trim()
    .split('\n')
    .map((line) => /^([A-Z_]+)=(.*)$/.exec(line) ?? [])
    .map(([, name = '', value = '']) => [name, valueFor(name, value, values)]);
  return Object.fromEntries(variables);
}

function valueFor(name: string, value: string, { url, secret, password }: ExampleValues): string {
  if (name === 'DIALLER_URL') return url;
  if (value === 'whsec_...') return `whsec_${secret}`;
  return value === '...' ? password : value;
}
