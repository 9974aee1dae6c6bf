/** The operator's command, as a process. Node is told how to treat code before the modules are loaded. */
import { keepCompiledCode, keepRequestsYoung } from './app/runtime.ts';

keepRequestsYoung();
keepCompiledCode();
const { runCommand } = await import('./cli/program.ts');
await runCommand();
