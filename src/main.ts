#!/usr/bin/env node
/** The server's process. It sets V8's flags before the modules are loaded. */
import { avoidPretenuring, enableModuleCache } from './app/runtime.ts';

avoidPretenuring();
enableModuleCache();
const { serve } = await import('./app/serve.ts');
await serve();
