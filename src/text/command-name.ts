/** Whether the program runs from its TypeScript sources rather than from the compiled package. */
const isSourceTree = import.meta.url.endsWith('.ts');

/** How the CLI is called: in a clone of the repository, npm runs it. */
export const commandName = isSourceTree ? 'npm run -s leads --' : 'leads';

/** How the server is started. */
export const serverCommandName = isSourceTree ? 'npm start --' : 'leads-server';

/**
 * Rewrites the commands that a message suggests, so that they can be run as they are. In the source, every message
 * writes them as `leads partner list`, in backticks.
 *
 * @param name how the CLI is called
 */
export function nameCommands(text: string, name = commandName): string {
  return name === 'leads' ? text : text.replaceAll('`leads ', `\`${name} `);
}
