/** Returns a URL at which this machine reaches a server. */
export function urlOf({ host, port }: { host: string; port: number }): string {
  return `http://${reachableHost(host)}:${port}`;
}

function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
