import { openSync } from 'node:fs';
import { ReadStream, WriteStream } from 'node:tty';

/** Opens the terminal in which the process was started, even if its standard input is a pipe. Undefined: none. */
export function openTerminal(): { input: ReadStream; err: WriteStream } | undefined {
  try {
    return {
      input: new ReadStream(openSync('/dev/tty', 'r')),
      err: new WriteStream(openSync('/dev/tty', 'w')),
    };
  } catch {
    // A service, a scheduled job or a container has no terminal, and Windows has no such file.
    return undefined;
  }
}
