import type { Command } from 'commander';
import { closestName } from '../text/closest-name.ts';

/** Maximum number of wrong letters, as a share of the name's length: two letters of four may have changed places. */
const maxDistance = 0.5;

/** Maximum number of commands that are suggested one by one. */
const maxSuggestions = 2;

/**
 * Describes in a sentence that a group has no such command, with the commands that were probably meant.
 *
 * @param group command with subcommands, or the program
 */
export function describeUnknownCommand(group: Command, name: string): string {
  const groupName = fullName(group);
  if (group.parent === null && name === groupName) {
    return `The word "leads" is followed by "leads" instead of a command. Remove one of them. Run \`leads --help\` to list the commands.`;
  }
  const suggestion = describeSuggestions(probablyMeant(group, name));
  return `There is no command ${JSON.stringify(name)} in \`${groupName}\`.${suggestion} Run \`${groupName} --help\` to list the commands.`;
}

function describeSuggestions(commands: readonly Command[]): string {
  const [first] = commands;
  if (first === undefined) return '';
  if (commands.length <= maxSuggestions) {
    return ` Did you mean ${commands.map((command) => `\`${fullName(command)}\``).join(' or ')}?`;
  }
  const groups = commands.map((command) => command.parent?.name());
  return ` Did you mean \`leads GROUP ${first.name()}\`, in which GROUP is ${groups.slice(0, -1).join(', ')} or ${groups.at(-1)}?`;
}

/**
 * Returns commands with a similar name: of the group, or else anywhere below it, because `retry` alone is meant as
 * `leads lead retry`.
 */
function probablyMeant(group: Command, name: string): readonly Command[] {
  const below = descendants(group);
  const sameName = below.filter((command) => command.name() === name);
  if (sameName.length > 0) return sameName;
  for (const commands of [group.commands, below]) {
    const similar = closestName(
      name,
      commands.map((command) => command.name()),
      (known) => maxDistance * known.length,
    );
    if (similar !== undefined) return commands.filter((command) => command.name() === similar);
  }
  return [];
}

function descendants(group: Command): readonly Command[] {
  return group.commands.flatMap((command) => [command, ...descendants(command)]);
}

/** Returns the name of a command with those of its groups, as `nameCommands` expects it. */
function fullName(command: Command): string {
  return command.parent === null ? 'leads' : `${fullName(command.parent)} ${command.name()}`;
}
