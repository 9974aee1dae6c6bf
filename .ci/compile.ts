/**
 * Compiles `src/` to `dist/` for `npm pack`, because Node runs no TypeScript below node_modules. Checks no types, which
 * `npm test` does.
 */
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The mock needs a development dependency. It and the sandbox are for developers, who have a clone. */
const excluded = ['src/mock.ts', 'src/mock/**', 'src/sandbox.ts', 'src/app/sandbox.ts'];

const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
  removeComments: true,
};

/** Files keep their place, so that paths relative to a file are the same in `src/` and `dist/`. */
function compile(source: string, target: string): void {
  const text = readFileSync(source, 'utf8');
  const { outputText } = ts.transpileModule(text, { fileName: source, compilerOptions });
  writeFileSync(target.replace(/\.ts$/, '.js'), outputText);
}

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
rmSync('dist', { recursive: true, force: true });
for (const source of globSync('src/**/*.{ts,sql}', { exclude: excluded })) {
  const target = join('dist', source.slice('src/'.length));
  mkdirSync(dirname(target), { recursive: true });
  if (source.endsWith('.ts')) compile(source, target);
  else cpSync(source, target);
}
