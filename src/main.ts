/** The server's process. Node is told how to treat code and memory before the modules are loaded. */
import { keepCompiledCode, keepRequestsYoung } from './app/runtime.ts';

keepRequestsYoung();
keepCompiledCode();
const { serve } = await import('./app/serve.ts');
await serve();
