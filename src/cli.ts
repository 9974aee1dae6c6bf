/** The operator's command, as a process. Node is told how to treat code before the modules are loaded. */
import { keepCompiledCode } from './runtime.ts';

keepCompiledCode();
const { runCommand } = await import('./command.ts');
await runCommand();
