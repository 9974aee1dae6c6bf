/** Each statement is prepared once, so that a running server never parses SQL. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openStore, seeded } from './stores.ts';

const sources = fileURLToPath(new URL('../../src/store/', import.meta.url));

test('SQLite prepares what a running server calls once', async () => {
  const { store } = await seeded(openStore());
  await store.addKey('first', 'key', 'digest');
  const work = async () => {
    await store.activeKeyDigests();
    await store.recordKeyLastUsed(new Map([['key', Date.now()]]));
    await store.leadStats();
    await store.activity(undefined);
    await store.pauses();
    await store.deleteIdempotencyRecords(Date.now());
  };
  await work();
  const prepare = vi.spyOn(DatabaseSync.prototype, 'prepare');
  onTestFinished(() => prepare.mockRestore());
  await work();
  expect(prepare).not.toHaveBeenCalled();
});

test('gives every statement that PostgreSQL prepares its own name', () => {
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.startsWith('sqlite'),
  );
  const names = files.flatMap((file) =>
    Array.from(
      readFileSync(join(sources, file), 'utf8').matchAll(
        /(?:\b(?:s|writeS)tatement(?:<(?:[^()]|\n)*?>)?\(\s*|\bStatement\b[^=]* = \{\s*name: )'([a-z_]+)'/g,
      ),
      ([, name]) => name,
    ),
  );
  expect(names).toEqual(expect.arrayContaining(['types', 'submit', 'due_leads', 'partners']));
  expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
});
