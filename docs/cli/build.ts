/** Writes docs/cli.md, the reference of the `leads` command. */
import { writeFileSync } from 'node:fs';
import { createProgram } from '../../src/cli/program.ts';
import { renderReference } from './reference.ts';

writeFileSync(new URL('../cli.md', import.meta.url), renderReference(createProgram()));
