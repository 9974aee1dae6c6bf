import { Command } from 'commander';
import { checkName } from '../partners/partner.ts';
import type { LeadTypeRecord } from '../store/store.ts';
import { formatDuration, parseDuration } from '../text/duration.ts';
import { time, type View } from './output.ts';
import { action, type CommandContext } from './session.ts';

const view: View<LeadTypeRecord> = {
  columns: {
    TYPE: (type) => type.name,
    'RE-CONTACT AFTER': ({ recontactAfter }) =>
      recontactAfter === null ? 'never' : formatDuration(recontactAfter),
    PARTNERS: (type) => type.partners.join(', '),
    CREATED: (type) => time(type.createdAt),
  },
  json: (type) => ({
    name: type.name,
    recontact_after: seconds(type.recontactAfter),
    partners: type.partners,
    created_at: time(type.createdAt),
  }),
};

/** `leads type`: the lead types of this deployment. */
export function typeCommand(context: CommandContext): Command {
  const type = new Command('type').description('the lead types that partners can be granted');

  const add = type
    .command('add')
    .description('add a lead type')
    .argument('<name>', 'the name that partners send as `type`')
    .option(
      '--recontact-after <duration>',
      'take a person again who was dialled this long ago, such as 90d (default: never)',
    );
  action<{ recontactAfter?: string }, [string]>(add, context, async ({ store, output }, options, name) => {
    checkName('lead type', name);
    const recontactAfter =
      options.recontactAfter === undefined ? null : parseDuration(options.recontactAfter);
    await store.addType(name, recontactAfter);
    await output.done(`Added the lead type ${name}.`, { name, recontact_after: seconds(recontactAfter) });
  });

  const list = type.command('list').description('list the lead types, and who holds them');
  action(list, context, async ({ store, output }) => {
    await output.list(store.types(), view, 'There are no lead types. `leads type add NAME` adds one.');
  });

  return type;
}

function seconds(milliseconds: number | null): number | null {
  return milliseconds === null ? null : milliseconds / 1000;
}
