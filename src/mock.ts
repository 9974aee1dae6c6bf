/** The mock's process. */
import { runProgram } from './app/process.ts';
import { runMock } from './mock/mock.ts';

await runProgram(runMock, 'The mock server failed');
