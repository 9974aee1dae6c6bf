import { Command, Option } from 'commander';
import { type CallResult, callResults } from '../leads/call-result.ts';
import { type LeadState, leadStates } from '../leads/lead.ts';
import type { LeadFilter, LeadRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { defineAction } from './action.ts';
import { limitOption, testDataOption, wideOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import { heldView, leadMembers, leadView, resultView, scheduledView } from './lead-view.ts';
import { checkNumbers, mobileOption, type ReadNumbers, readNumbers } from './mobile-option.ts';

interface ListOptions {
  state?: LeadState;
  undecided?: true;
  waiting?: true;
  result?: CallResult;
  type?: string;
  partner?: string;
  mobile?: string[];
  limit?: number;
}

/** `leads lead list`: lists leads, by default all of them. */
export function listCommand(context: CommandContext): Command {
  const command = new Command('list')
    .description('list leads, newest first, or in the order of the phone numbers in --mobile')
    .addOption(new Option('--state <state>', 'only leads in this state').choices(leadStates))
    .option('--undecided', 'only failed leads that may have reached the dialler (see `leads lead resolve`)')
    .option('--waiting', 'only scheduled leads whose last attempt failed, and whose next one is later')
    .addOption(
      new Option('--result <result>', 'only leads whose latest call had this result').choices(callResults),
    )
    .option('--type <name>', 'only leads of this type')
    .option('--partner <name>', 'only leads of this partner')
    .addOption(mobileOption())
    .addOption(testDataOption())
    .addOption(limitOption())
    .addOption(wideOption());
  return defineAction(command, context, leadMembers, async (session, options: ListOptions) => {
    const { store, output, parsePhone, note } = session;
    const { mobile: words, limit } = options;
    const numbers = words && (await readNumbers(words, context.input, parsePhone));
    const rows = output.limit(limit);
    const filter = filterOf(options);
    const leads =
      numbers === undefined ? store.leads(filter, rows) : leadsOf(store, filter, rows, numbers, note);
    await output.list(leads, viewOf(options), 'There are no matching leads.', rows);
    if (numbers !== undefined) checkNumbers(numbers);
  });
}

function viewOf({ state, waiting, result }: ListOptions): typeof leadView {
  if (result !== undefined) return resultView;
  if (state === 'held') return heldView;
  return state === 'scheduled' || waiting ? scheduledView : leadView;
}

function filterOf({ undecided, waiting, state, result, type, partner }: ListOptions): LeadFilter {
  return {
    ...(state !== undefined && { state }),
    ...(result !== undefined && { result }),
    ...(type !== undefined && { type }),
    ...(partner !== undefined && { partner }),
    ...(undecided && { isUndecided: undecided }),
    ...(waiting && { isWaitingForRetry: waiting }),
  };
}

/** Lists the leads of people, and notes how many of them have none. */
async function* leadsOf(
  store: Store,
  filter: LeadFilter,
  limit: number,
  { mobiles }: ReadNumbers,
  note: (sentence: string) => void,
): AsyncGenerator<LeadRecord> {
  let remaining = limit;
  let without = 0;
  for (const mobile of mobiles) {
    const before = remaining;
    for await (const lead of store.leads({ ...filter, mobile }, remaining)) {
      remaining -= 1;
      yield lead;
    }
    if (remaining === 0) return;
    if (remaining === before) without += 1;
  }
  if (without > 0) note(`${without} of ${mobiles.length} phone numbers have no matching lead.`);
}
