import { execFileSync } from 'node:child_process';

/** What VICIdial knows about a call that has ended. */
export type CallValues = Readonly<Record<string, string>>;

/** Reports the result of a call that reached an agent: VICIdial encodes the values like PHP's `urlencode`. */
export function requestDispoCallUrl(url: string, values: CallValues): Promise<Response> {
  return fetch(filled(url, (name) => encodeURIComponent(values[name] ?? '').replaceAll('%20', '+')));
}

/**
 * Reports the result of any other call: VICIdial inserts the values as they are, replaces spaces, and passes the URL to
 * wget through a shell, in which only `&` is escaped.
 */
export function requestNoAgentCallUrl(url: string, values: CallValues): Promise<Response> {
  const command = filled(url, (name) => values[name] ?? `--A--${name}--B--`).replaceAll(' ', '+');
  const passed = execFileSync('sh', ['-c', `printf %s ${command.replaceAll('&', '\\&')}`], {
    encoding: 'utf8',
  });
  return fetch(passed);
}

function filled(url: string, valueFor: (name: string) => string): string {
  return url.replace(/^VAR/, '').replace(/--A--(\w+)--B--/g, (_, name: string) => valueFor(name));
}
