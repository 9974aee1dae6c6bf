#!/usr/bin/env node
/** The server's process. It sets V8's flags before the modules are loaded. */
import { requireNode } from './app/node-version.ts';

requireNode();
const { avoidPretenuring, enableModuleCache } = await import('./app/runtime.ts');
avoidPretenuring();
enableModuleCache();
const { serve } = await import('./app/serve.ts');
await serve();
