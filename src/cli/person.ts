import { Command } from 'commander';
import type { CommandContext } from './context.ts';
import { eraseCommand } from './person-erase.ts';
import { personEvidenceCommand } from './person-evidence.ts';
import { exportCommand } from './person-export.ts';

/** `leads person`: the rights of the people who are called. */
export function personCommand(context: CommandContext): Command {
  return new Command('person')
    .description('the rights of the people who are called: a copy of their data, evidence, and erasure')
    .addCommand(personEvidenceCommand(context))
    .addCommand(exportCommand(context))
    .addCommand(eraseCommand(context));
}
