import { commandName, serverCommandName } from '../text/command-name.ts';
import { versionText } from './version.ts';

const help = `Usage: ${serverCommandName} [options]

Starts the server. Environment variables, and the file .env in the working
directory, configure it. \`${commandName}\` manages partners, keys and leads.

Options:
  -V, --version  print the versions of the program and of the contract
  -h, --help     print this help
`;

const options = ['-V', '--version', '-h', '--help'];

/**
 * Reads the arguments of the server's process. Returns the text that they request; undefined: none.
 *
 * @throws {Error} if there is an unknown argument
 */
export function requestedText(words: readonly string[]): string | undefined {
  const unknown = words.find((word) => !options.includes(word));
  if (unknown !== undefined) {
    throw new Error(
      `${JSON.stringify(unknown)} is not an option. Run \`${serverCommandName} --help\` to list the options.`,
    );
  }
  if (words.includes('-h') || words.includes('--help')) return help;
  return words.length > 0 ? versionText() : undefined;
}
