/** Data flows one way through the rooms of src/. The table in docs/architecture.md lists what each may import. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const src = fileURLToPath(new URL('../src/', import.meta.url));
const architecture = readFileSync(new URL('../docs/architecture.md', import.meta.url), 'utf8');

/**
 * What each room may import besides itself, by the table of docs/architecture.md. The files at the top of src/ wire the
 * rooms together and may import all.
 */
const allowed = new Map<string, readonly string[]>(
  [...architecture.matchAll(/^\| `([a-z]+)` \| .* \| (nothing|`[a-z`, ]+`) \|$/gm)].map(
    ([, room = '', imported = '']) => [room, imported === 'nothing' ? [] : (imported.match(/[a-z]+/g) ?? [])],
  ),
);

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

test('every room is in the table, and imports only what the table allows', () => {
  const rooms = readdirSync(src, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(rooms.map(({ name }) => name).toSorted()).toEqual([...allowed.keys()].toSorted());
  const against = imports().filter(
    ({ from, to }) => from !== '' && to !== from && to !== '..' && !allowed.get(from)?.includes(to),
  );
  expect(against).toEqual([]);
});

test('only the store contains SQL, and only the server and the mock use HTTP', () => {
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
