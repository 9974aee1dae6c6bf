import { Command } from 'commander';
import { newIdentifier } from '../leads/identifier.ts';
import { Mistake } from '../partners/partner.ts';
import type { DueLead } from '../store/store.ts';
import { time, type View } from './output.ts';
import { action, readCount, type Session, type Surroundings } from './session.ts';

/** How long leads that are being printed are nobody else's, in milliseconds. */
const lease = 60_000;

const view: View<DueLead> = {
  columns: {
    ID: (lead) => lead.id,
    DUE: (lead) => time(lead.dueAt),
    PARTNER: (lead) => lead.partner,
    TYPE: (lead) => lead.type,
    MOBILE: (lead) => lead.mobile,
    NAME: ({ content }) => {
      const { first_name, surname } = JSON.parse(content);
      return `${first_name} ${surname}`;
    },
  },
  json: (lead) => ({
    id: lead.id,
    partner: lead.partner,
    type: lead.type,
    mobile: lead.mobile,
    accepted_at: time(lead.acceptedAt),
    due_at: time(lead.dueAt),
    submitted: JSON.parse(lead.content),
  }),
};

/** `leads due`: what is to be called now. */
export function dueCommand(surroundings: Surroundings): Command {
  const due = new Command('due')
    .description('list the leads whose time has come, the longest due first')
    .option('--take <n>', 'hand over up to so many: each is printed, and it is dialled', readCount)
    .option('--limit <n>', 'list at most so many (default: 100 in a table, all with --json)', readCount);
  type Options = { take?: number; limit?: number };
  action<Options, []>(due, surroundings, async (session, { take, limit }) => {
    if (take !== undefined) return handOver(session, take);
    const rows = session.output.limit(limit);
    await session.output.list(session.store.dueLeads(rows), view, 'No lead is due.', rows);
  });
  return due;
}

/**
 * A lead counts as dialled only once it is printed. Where the printing fails, or the machine stops
 * half-way, the lease runs out and the lead is due again: it may be printed twice, and is never lost.
 */
async function handOver({ store, output, remark, dialWithin }: Session, limit: number): Promise<void> {
  const claim = newIdentifier();
  const startedAt = Date.now();
  const notDueBefore = dialWithin === undefined ? 0 : startedAt - dialWithin;
  const { leads, tooOld, undecided } = await store.claimDue({ claim, limit, lease, notDueBefore });
  if (tooOld > 0) remark(`Left out, since they are too old to be rung (DIAL_WITHIN): ${tooOld}.`);
  if (undecided > 0) {
    remark(`The dialler may have ${undecided} of them: decide with \`leads lead resolve\`.`);
  }
  try {
    await output.list(leads, view, 'No lead is due.');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Mistake(
      `The output broke off (${reason}); none of the ${leads.length} leads is dialled, and they are due again in ${lease / 1000} seconds.`,
    );
  }
  const taken = {
    startedAt,
    endedAt: Date.now(),
    outcome: 'taken',
    answer: 'printed by `leads due --take`',
  } as const;
  await Promise.all(leads.map(({ id }) => store.recordTry(claim, { leadId: id, ...taken }, undefined)));
}
