#!/usr/bin/env node
/** The CLI's process. It sets V8's flags, the same as the server's, before the modules are loaded. */
import { requireNode } from './app/node-version.ts';

requireNode();
const { avoidPretenuring, enableModuleCache } = await import('./app/runtime.ts');
avoidPretenuring();
enableModuleCache();
const { runCommand } = await import('./cli/program.ts');
await runCommand();
