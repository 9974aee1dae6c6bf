import { Command } from 'commander';
import { requireKeysOfDigests } from '../app/store-keys.ts';
import { deliveryPermission } from '../delivery/delivery-rules.ts';
import { submittedBody, submittedFields } from '../leads/submitted-fields.ts';
import type { DueLead } from '../store/delivery.ts';
import { formatTime } from '../text/time.ts';
import { defineAction, type Session } from './action.ts';
import { limitOption, parseCount, wideOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import { describePause } from './delivery.ts';
import type { View } from './output.ts';
import { timeOr } from './table.ts';
import { takeDue } from './take.ts';
import { noteWaiting, type Wait, waitOf } from './waiting-note.ts';

const members = {
  id: 'id of the lead',
  partner: 'name of the partner',
  type: 'name of the lead type',
  mobile: 'phone number (E.164)',
  accepted_at: 'when it was accepted (ISO 8601)',
  due_at: 'when its call is due (ISO 8601)',
  expires_at: 'when it is too late to call (ISO 8601); null: never',
  priority: 'priority among the leads that are due, from 0 to 9: 9 comes first',
  submitted: 'the request as the partner sent it',
};

const view: View<DueLead, keyof typeof members> = {
  columns: {
    ID: (lead) => lead.id,
    DUE: (lead) => ({ time: lead.dueAt }),
    PARTNER: (lead) => lead.partner,
    TYPE: (lead) => lead.type,
    MOBILE: (lead) => lead.mobile,
    EXPIRES: (lead) => timeOr(lead.expiresAt, '-'),
    PRIORITY: (lead) => String(lead.priority),
    NAME: ({ content }) => {
      const { firstName, surname } = submittedFields(content);
      return `${firstName} ${surname}`;
    },
  },
  narrow: ['ID', 'DUE', 'TYPE', 'MOBILE', 'NAME'],
  json: (lead) => ({
    id: lead.id,
    partner: lead.partner,
    type: lead.type,
    mobile: lead.mobile,
    accepted_at: formatTime(lead.acceptedAt),
    due_at: formatTime(lead.dueAt),
    expires_at: formatTime(lead.expiresAt),
    priority: lead.priority,
    submitted: submittedBody(lead.content),
  }),
};

const empty = 'No leads can be delivered now.';

/** `leads due`: lists or delivers the leads that can be delivered now. */
export function dueCommand(context: CommandContext): Command {
  const command = new Command('due')
    .description(
      'list the leads that can be delivered now: by priority, then earliest first.\nLeads in flight, waiting for a retry, or paused are not listed',
    )
    .option('--take <n>', 'deliver up to this many leads: each is printed and becomes `dialled`', parseCount)
    .addOption(limitOption().conflicts('take'))
    .addOption(wideOption());
  return defineAction(
    command,
    context,
    members,
    async (session, { take, limit }: { take?: number; limit?: number }) => {
      const { output, store } = session;
      if (take !== undefined) {
        await requireKeysOfDigests(store, await session.storeKeys());
        await store.recordAudit({ subject: { kind: 'lead', id: null }, after: { take } });
        const delivered = await takeDue(session, take, output.inBatches(view));
        if (delivered < take) await notePauses(session);
        if (delivered === 0) await output.empty(empty);
        return;
      }
      const rows = output.limit(limit);
      const waiting: Wait[] = [];
      await output.list(decided(session, store.dueLeads(rows), waiting), view, empty, rows);
      noteWaiting('Listed, but not permitted now', waiting, session.note);
      await notePauses(session);
    },
  );
}

/** Number of listed leads to which the rules are applied at once. */
const pageSize = 100;

/** Yields the listed leads, and adds what those wait for that the rules do not permit now. */
async function* decided(
  session: Parameters<typeof takeDue>[0],
  leads: AsyncIterable<DueLead>,
  waiting: Wait[],
): AsyncGenerator<DueLead> {
  const permission = deliveryPermission(session);
  let page: DueLead[] = [];
  const decidePage = async () => {
    const decisions = await permission.decideUnclaimed(page);
    waiting.push(...decisions.filter((each) => each.outcome === 'wait').map(waitOf));
    return page;
  };
  for await (const lead of leads) {
    page.push(lead);
    if (page.length < pageSize) continue;
    yield* await decidePage();
    page = [];
  }
  yield* await decidePage();
}

/** Reports the pauses: their due leads are not included. */
async function notePauses({ store, note }: Pick<Session<string>, 'store' | 'note'>): Promise<void> {
  for (const pause of await store.pauses()) note(`Paused leads are not included: ${describePause(pause)}`);
}
