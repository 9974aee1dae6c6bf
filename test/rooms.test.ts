/** Data goes one way through the rooms of src/; an import against it is where a design begins to rot. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const src = fileURLToPath(new URL('../src/', import.meta.url));

/** What each room may import besides itself. The files at the top wire the rooms together and may import all. */
const allowed: Record<string, string[]> = {
  errors: [],
  text: ['errors'],
  environment: [],
  leads: [],
  partners: ['errors', 'text'],
  telemetry: ['text'],
  store: ['errors', 'leads', 'partners'],
  contract: ['leads', 'text'],
  operations: ['contract', 'leads', 'partners', 'store', 'telemetry'],
  server: ['contract', 'leads', 'operations', 'partners', 'store', 'telemetry'],
  delivery: ['environment', 'leads', 'store', 'telemetry'],
  mock: ['contract', 'leads', 'server'],
  app: ['delivery', 'environment', 'errors', 'leads', 'partners', 'server', 'store', 'telemetry', 'text'],
  cli: ['app', 'environment', 'errors', 'leads', 'partners', 'store', 'text'],
};

function imports(): { file: string; from: string; to: string }[] {
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) =>
      [...readFileSync(join(src, file), 'utf8').matchAll(/from '(\.[^']+)'/g)].map(([, path = '']) => ({
        file,
        from: roomOf(file),
        to: roomOf(normalize(join(dirname(file), path))),
      })),
    );
}

function roomOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : '';
}

test('every room is known, and imports only what lies further in', () => {
  const rooms = readdirSync(src, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(rooms.map(({ name }) => name).toSorted()).toEqual(Object.keys(allowed).toSorted());
  const against = imports().filter(
    ({ from, to }) => from !== '' && to !== from && to !== '..' && !allowed[from]?.includes(to),
  );
  expect(against).toEqual([]);
});

test('no SQL is written outside the store, and no HTTP outside the server and the mock', () => {
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )) {
    const text = readFileSync(join(src, file), 'utf8');
    if (!file.startsWith('store/'))
      expect(text, file).not.toMatch(/node:sqlite|\b(SELECT|INSERT INTO|UPDATE) \w+/);
    if (!/^(server|mock)\//.test(file))
      expect(text, file).not.toMatch(/from '(hono|@hono\/node-server|node:http)'/);
  }
});
