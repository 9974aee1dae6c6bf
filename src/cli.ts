/** The operator's command, as a process. Node is told how to treat code before the modules are loaded. */
import { keepCompiledCode, keepRequestsYoung } from './runtime.ts';

keepRequestsYoung();
keepCompiledCode();
const { runCommand } = await import('./command.ts');
await runCommand();
