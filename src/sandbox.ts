/** The sandbox's process. */
import { runSandbox } from './app/sandbox.ts';

await runSandbox();
