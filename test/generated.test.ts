/** The server and its types use generated/, so it must match openapi.yaml. */
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryDirectory } from './harness/server.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

// Four programs are started, which takes long on a busy machine.
test('generated/ is up to date', { timeout: 120_000 }, () => {
  const directory = temporaryDirectory();
  for (const file of ['openapi.yaml', 'redocly.yaml', 'docs/contract'])
    cpSync(join(root, file), join(directory, file), { recursive: true });
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  execFileSync('sh', ['-c', scripts.generate], {
    cwd: directory,
    env: { ...process.env, PATH: [join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter) },
    stdio: 'pipe',
  });
  for (const file of ['openapi.json', 'openapi.ts', 'partners.json', 'partners.yaml']) {
    const made = readFileSync(join(directory, 'generated', file), 'utf8');
    const kept = readFileSync(join(root, 'generated', file), 'utf8');
    expect(kept === made, `generated/${file} is stale: run \`npm run generate\``).toBe(true);
  }
});
