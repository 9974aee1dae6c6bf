/** The service's own routes, for load balancers, monitors and code generators. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { docsPaths } from '../../src/server/docs-page.ts';
import { startServer } from '../harness/server.ts';

test('/healthz reports that the process is alive', async () => {
  const server = await startServer();
  const response = await fetch(`${server.url}/healthz`);
  expect([response.status, await response.json()]).toEqual([200, { status: 'alive' }]);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(response.headers.get('cache-control')).toBe('no-store');
});

test('/openapi.yaml and /openapi.json serve the same contract', async () => {
  const server = await startServer();
  const [yaml, json] = await Promise.all([
    fetch(`${server.url}/openapi.yaml`),
    fetch(`${server.url}/openapi.json`),
  ]);
  expect(yaml.headers.get('content-type')).toBe('application/yaml');
  expect(json.headers.get('content-type')).toBe('application/json');
  const served = JSON.parse(await json.text());
  expect(parse(await yaml.text())).toEqual(served);
  const source = parse(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8'));
  expect(served.info).toEqual(source.info);
});

/** Returns the texts of a page's scripts. */
function scriptsIn(html: string): string[] {
  const scripts: string[] = [];
  for (let at = html.indexOf('<script'); at >= 0; at = html.indexOf('<script', at)) {
    const begin = html.indexOf('>', at) + 1;
    at = html.indexOf('</script>', begin);
    scripts.push(html.slice(begin, at));
  }
  return scripts;
}

test('/ redirects to the partners’ page, whose policy allows only its own scripts', async () => {
  const server = await startServer();
  const response = await fetch(`${server.url}/`);
  expect([response.status, new URL(response.url).pathname]).toEqual([200, '/docs/']);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
  const digests = scriptsIn(await response.text()).map(
    (script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`,
  );
  expect(digests.length).toBeGreaterThan(0);
  expect(response.headers.get('content-security-policy')?.split('; ')).toEqual([
    "default-src 'none'",
    `script-src ${digests.join(' ')}`,
    "style-src 'unsafe-inline'",
    'img-src data:',
    'font-src data:',
    "connect-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]);
});

test.each(['/', '/docs'])(
  '%s redirects for now only, because browsers never forget a permanent redirect',
  async (path) => {
    const server = await startServer();
    const response = await fetch(server.url + path, { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([302, '/docs/']);
  },
);

test.each([
  ['/docs/index.html', '/docs/'],
  ['/docs/llms.txt', '/llms.txt'],
])('%s serves the same file as %s, because links between the files are relative', async (path, other) => {
  const server = await startServer();
  const [one, same] = await Promise.all([path, other].map((each) => fetch(server.url + each)));
  expect(one?.status).toBe(200);
  expect(await one?.text()).toBe(await same?.text());
});

test('sends the reference as it was compressed at build time', async () => {
  const server = await startServer();
  const headers = { 'Accept-Encoding': 'br' };
  const response = await fetch(`${server.url}/docs/reference.html`, { method: 'HEAD', headers });
  const { size } = statSync(new URL('../../docs/reference.html.br', import.meta.url));
  expect(response.headers.get('content-length')).toBe(String(size));
});

test('includes Request-Id in every response', async () => {
  const server = await startServer();
  for (const path of [
    ...Object.keys(docsPaths),
    '/docs',
    '/healthz',
    '/readyz',
    '/openapi.yaml',
    '/openapi.json',
    '/nothing',
    '/',
  ]) {
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
      const response = await fetch(server.url + path, { method, redirect: 'manual' });
      await response.text();
      expect(response.headers.get('request-id'), `${method} ${path}`).toMatch(/^[0-9a-f-]{36}$/);
    }
  }
});

test('responds with 405 and Allow to other methods of a service path', async () => {
  const server = await startServer();
  const response = await fetch(`${server.url}/healthz`, { method: 'POST' });
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});

test('serves the security contact if the operator has set one', async () => {
  const silent = await startServer();
  expect((await fetch(`${silent.url}/.well-known/security.txt`)).status).toBe(404);
  const server = await startServer({ securityContact: 'mailto:security@leads.example' });
  const response = await fetch(`${server.url}/.well-known/security.txt`);
  expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  const text = await response.text();
  expect(text).toMatch(/^Contact: mailto:security@leads\.example$/m);
  const [, expires = ''] = /^Expires: (.+)$/m.exec(text) ?? [];
  const days = (Date.parse(expires) - Date.now()) / 86_400_000;
  // RFC 9116, section 2.5.5: less than a year.
  expect(days).toBeGreaterThan(30);
  expect(days).toBeLessThan(365);
});

test('shows the contact for partners on their page if the operator has set one', async () => {
  const silent = await startServer();
  expect(await (await fetch(`${silent.url}/docs/`)).text()).toContain('<p id="contact" hidden></p>');
  const server = await startServer({ supportContact: 'mailto:partners@leads.example' });
  expect(await (await fetch(`${server.url}/docs/`)).text()).toContain(
    '<p id="contact">Contact: <a href="mailto:partners@leads.example">partners@leads.example</a></p>',
  );
});

test('the documents for tools have the configured URL of the server, and the pages do not', async () => {
  const publicUrl = 'https://api.example.org/leads';
  const server = await startServer({ publicUrl });
  // The server is addressed by another host.
  const read = async (path: string) => (await fetch(server.url + path)).text();
  const servers = [{ url: publicUrl, description: "The call centre's API." }];
  const plain = await startServer();
  for (const path of ['/openapi.json', '/openapi.yaml']) {
    const original = parse(await (await fetch(plain.url + path)).text());
    expect(original.servers[0].url).toBe('https://{website}');
    expect(parse(await read(path))).toEqual({ ...original, servers });
  }
  expect(JSON.parse(await read('/docs/postman.json')).variable[0]).toEqual({ key: 'url', value: publicUrl });
  expect(await read('/llms.txt')).toContain(`](${publicUrl}/openapi.yaml)`);
  for (const path of ['/llms.txt', '/docs/guide.md', '/docs/postman.json']) {
    expect(await read(path)).toContain(publicUrl);
    expect(await read(path)).not.toContain('leads.example');
    expect(await (await fetch(plain.url + path)).text()).toContain('https://leads.example');
  }
  for (const path of ['/docs/', '/docs/reference.html']) expect(await read(path)).not.toContain(publicUrl);
});

test('sends the first response of a document compressed', async () => {
  for (const coding of ['br', 'gzip']) {
    // Documents with a value of their own, which no other test has requested.
    const server = await startServer({ publicUrl: `https://${coding}.example.org` });
    for (const path of ['/llms.txt', '/openapi.yaml', '/docs/postman.json']) {
      const response = await fetch(server.url + path, { headers: { 'Accept-Encoding': coding } });
      expect(response.headers.get('content-encoding'), path).toBe(coding);
      expect(await response.text()).toContain(`${coding}.example.org`);
    }
  }
});

test.each([
  '/docs/',
  '/docs/reference.html',
  '/docs/guide.md',
  '/llms.txt',
  '/docs/postman.json',
  '/openapi.yaml',
])('sends %s compressed, and confirms a stored copy without sending it again', async (path) => {
  const server = await startServer();
  const url = server.url + path;
  const plain = await fetch(url, { headers: { 'Accept-Encoding': 'identity' } });
  const text = await plain.text();
  expect([plain.status, plain.headers.get('content-encoding')]).toEqual([200, null]);
  for (const [accepted, coding] of [
    ['gzip, deflate, br', 'br'],
    ['gzip', 'gzip'],
    ['GZIP;Q=1, br;q=0.5', 'gzip'],
    ['br;q=0, *', 'gzip'],
    ['identity, br;q=0.5', null],
    ['br;q=0, gzip;q=0', null],
  ]) {
    const headers = { 'Accept-Encoding': accepted ?? '' };
    const response = await fetch(url, { headers });
    expect(response.headers.get('content-encoding'), accepted ?? '').toBe(coding);
    expect(response.headers.get('vary')).toBe('Accept-Encoding');
    expect(await response.text()).toBe(text);
    const head = await fetch(url, { method: 'HEAD', headers });
    expect(head.headers.get('content-length'), accepted ?? '').toBe(response.headers.get('content-length'));
    expect(head.headers.get('content-encoding')).toBe(coding);
  }
  const etag = plain.headers.get('etag') ?? '';
  for (const tag of [etag, `"other", ${etag}`, '*']) {
    const stored = await fetch(url, { headers: { 'If-None-Match': tag } });
    expect([stored.status, await stored.text(), stored.headers.get('etag')]).toEqual([304, '', etag]);
    expect(stored.headers.get('cache-control')).toBe('no-cache');
  }
  const changed = await fetch(url, { headers: { 'If-None-Match': '"other"' } });
  expect([changed.status, await changed.text()]).toEqual([200, text]);
});
