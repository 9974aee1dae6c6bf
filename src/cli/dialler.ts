import { Command } from 'commander';
import { checkDialler } from '../app/dialler-check.ts';
import { UserError } from '../errors/user-error.ts';
import { defineAction } from './action.ts';
import { wideOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import type { View } from './output.ts';

const checkMembers = {
  check: 'what was checked',
  type: 'name of the lead type that it concerns; null: all types',
  subtype: 'sub-type that it concerns; null: all that have no settings of their own',
  result: '`ok`, `problem`, or `unchecked`: check it yourself',
  details: 'what is wrong and where to fix it, or what was found',
};

type Check = NonNullable<Awaited<ReturnType<typeof checkDialler>>>[number];

const view: View<Check, keyof typeof checkMembers> = {
  columns: {
    CHECK: ({ subject }) => subject,
    TYPE: ({ type, subtype }) => [type ?? '(all)', subtype].filter(Boolean).join(' / '),
    RESULT: ({ result }) => result,
    DETAILS: ({ details }) => details,
  },
  json: ({ subject, type, subtype, result, details }) => ({
    check: subject,
    type: type ?? null,
    subtype: subtype ?? null,
    result,
    details,
  }),
};

/** `leads dialler`: the system that calls people. */
export function diallerCommand(context: CommandContext): Command {
  return new Command('dialler')
    .description('check the dialler to which leads are delivered')
    .addCommand(checkCommand(context));
}

function checkCommand(context: CommandContext): Command {
  const command = new Command('check')
    .description(
      'check the set-up of the dialler in DIALLER with requests that change nothing there; run it with the\nenvironment of a server. Exits with 1 if there is a problem',
    )
    .addOption(wideOption());
  return defineAction(command, context, checkMembers, async ({ store, output }) => {
    const dialler = await context.dialler();
    if (dialler === undefined) throw new UserError('No dialler is configured (DIALLER=none). Set DIALLER.');
    const checks = await checkDialler(dialler, store);
    if (checks === undefined)
      throw new UserError(`The set-up of the dialler ${dialler.name} cannot be checked.`);
    await output.list(checks, view, 'Nothing was checked.');
    const problems = checks.filter(({ result }) => result === 'problem').length;
    if (problems > 0)
      throw new UserError(`Problems found: ${problems}. Fix them, then run \`leads dialler check\` again.`);
  });
}
