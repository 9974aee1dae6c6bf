import { Command } from 'commander';
import { submittedBody, submittedFields } from '../leads/submitted-fields.ts';
import type { DueLead } from '../store/store.ts';
import { pauseSentence } from './delivery.ts';
import { time, type View } from './output.ts';
import { action, type CommandContext, readCount, type Session } from './session.ts';
import { takeDue } from './take.ts';

const view: View<DueLead> = {
  columns: {
    ID: (lead) => lead.id,
    DUE: (lead) => time(lead.dueAt),
    PARTNER: (lead) => lead.partner,
    TYPE: (lead) => lead.type,
    MOBILE: (lead) => lead.mobile,
    NAME: ({ content }) => {
      const { firstName, surname } = submittedFields(content);
      return `${firstName} ${surname}`;
    },
  },
  json: (lead) => ({
    id: lead.id,
    partner: lead.partner,
    type: lead.type,
    mobile: lead.mobile,
    accepted_at: time(lead.acceptedAt),
    due_at: time(lead.dueAt),
    submitted: submittedBody(lead.content),
  }),
};

const nothing = 'No lead is due.';

/** `leads due`: what is to be called now. */
export function dueCommand(context: CommandContext): Command {
  const due = new Command('due')
    .description(
      'list the leads whose time has come, the longest due first; leads of a paused type are left out',
    )
    .option('--take <n>', 'deliver up to this many: each is printed, and is then dialled', readCount)
    .option('--limit <n>', 'list at most so many (default: 100 in a table, all with --json)', readCount);
  type Options = { take?: number; limit?: number };
  action<Options, []>(due, context, async (session, { take, limit }) => {
    const { output, store } = session;
    if (take !== undefined) {
      const print = output.inSteps(view);
      const taken = await takeDue(session, take, print);
      if (taken < take) await remarkPauses(session);
      if (taken === 0) await output.nothing(nothing);
      return;
    }
    const rows = output.limit(limit);
    await output.list(store.dueLeads(rows), view, nothing, rows);
    await remarkPauses(session);
  });
  return due;
}

/** Says why leads that are due were left out. */
async function remarkPauses({ store, remark }: Session): Promise<void> {
  for (const pause of await store.pauses()) remark(`Left out: ${pauseSentence(pause)}`);
}
