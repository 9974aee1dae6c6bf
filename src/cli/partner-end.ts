import { Command } from 'commander';
import { formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { confirm, yesOption } from './confirm.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';
import { findPartner } from './find-partner.ts';
import {
  chooseForLeads,
  describeRemainingLeads,
  type LeadsChoice,
  leadsOption,
  type Matching,
  remainingLeadsJson,
  remainingLeadsMembers,
  type SettledLeads,
  settleLeads,
} from './remaining-leads.ts';

/** `leads partner suspend`: rejects all keys of a partner until it is resumed. */
export function suspendCommand(context: CommandContext): Command {
  const command = new Command('suspend')
    .description(
      'reject every request of a partner until `leads partner resume`, from the next request on.\nMeanwhile, it cannot cancel leads either',
    )
    .argument('<partner>', 'name of the partner')
    .addOption(leadsOption());
  return defineAction(
    command,
    context,
    {
      partner: 'name of the partner',
      suspended: 'true',
      keys: 'number of keys that are rejected',
      ...remainingLeadsMembers,
    },
    async ({ store, output }, { leads }: { leads?: LeadsChoice }, [partner]: [string]) => {
      const { keys, suspendedAt } = await findPartner(store, partner);
      const named = `partner ${JSON.stringify(partner)} (${counted(keys, 'key', 'keys')})`;
      const matching = { store, filter: { partner } };
      const change = `Every request of ${named} will be rejected`;
      const wasSuspended = suspendedAt !== null;
      const choice = wasSuspended
        ? (leads ?? 'keep')
        : await chooseForLeads(matching, context, leads, change);
      await store.suspendPartner(partner);
      const remaining = await settleLeads(matching, choice);
      const already = `Partner ${JSON.stringify(partner)} was already suspended, which was not changed. `;
      await output.done(
        `${wasSuspended ? already : ''}Every request of ${named} is rejected until \`leads partner resume\`. ${describeRemainingLeads(remaining)}`,
        { partner, suspended: true, keys, ...remainingLeadsJson(remaining) },
      );
    },
  );
}

/** `leads partner resume`: undoes `leads partner suspend`. */
export function resumeCommand(context: CommandContext): Command {
  const command = new Command('resume')
    .description('accept the keys of a suspended partner again; cancelled leads stay cancelled')
    .argument('<partner>', 'name of the partner');
  return defineAction(
    command,
    context,
    { partner: 'name of the partner', suspended: 'false', keys: 'number of keys that are accepted again' },
    async ({ store, output }, _options: object, [partner]: [string]) => {
      await store.resumePartner(partner);
      const { keys } = await findPartner(store, partner);
      await output.done(
        `Requests of partner ${JSON.stringify(partner)} (${counted(keys, 'key', 'keys')}) are accepted again.`,
        { partner, suspended: false, keys },
      );
    },
  );
}

/** `leads partner delete`: ends a partner for good. */
export function deleteCommand(context: CommandContext): Command {
  const command = new Command('delete')
    .description(
      'delete a partner for good: revoke its keys and hide it from lists.\nIts leads, its submissions and its name stay stored, and no other partner can use the name',
    )
    .argument('<partner>', 'name of the partner')
    .addOption(leadsOption())
    .addOption(yesOption());
  return defineAction(
    command,
    context,
    {
      partner: 'name of the partner',
      deleted: 'true',
      keys: 'number of keys that were revoked',
      ...remainingLeadsMembers,
    },
    async ({ store, output }, { leads, yes }: { leads?: LeadsChoice; yes?: true }, [partner]: [string]) => {
      const { keys, deletedAt } = await findPartner(store, partner);
      const named = `partner ${JSON.stringify(partner)}`;
      if (deletedAt !== null) {
        const deleted = `Partner ${JSON.stringify(partner)} was already deleted at ${formatTime(deletedAt)}.`;
        const matching = { store, filter: { partner } };
        const remaining = await settleAgain(matching, context, { leads, yes }, deleted);
        await output.done(`${deleted} ${describeRemainingLeads(remaining)}`, {
          partner,
          deleted: true,
          keys,
          ...remainingLeadsJson(remaining),
        });
        return;
      }
      const revoked = counted(keys, 'key', 'keys');
      const matching = { store, filter: { partner } };
      const choice = await chooseForLeads(matching, context, leads, `You are about to delete ${named}`);
      if (!yes) {
        const leadsChange = await describeLeads(matching, choice);
        await confirm(
          context,
          `The ${revoked} of ${named} will be revoked${leadsChange}, and the partner deleted, which cannot be undone`,
        );
      }
      await store.deletePartner(partner);
      const remaining = await settleLeads(matching, choice);
      await output.done(`Deleted ${named} and revoked its ${revoked}. ${describeRemainingLeads(remaining)}`, {
        partner,
        deleted: true,
        keys,
        ...remainingLeadsJson(remaining),
      });
    },
  );
}

/** Keeps or cancels the leads of a partner that was deleted before, such as if the cancellation was interrupted. */
async function settleAgain(
  matching: Matching,
  context: CommandContext,
  { leads, yes }: { leads: LeadsChoice | undefined; yes: true | undefined },
  deleted: string,
): Promise<SettledLeads> {
  const choice = await chooseForLeads(matching, context, leads, deleted.replace(/\.$/, ''));
  const { cancellable } = await matching.store.countRemainingLeads(matching.filter);
  if (choice === 'cancel' && cancellable > 0 && !yes) {
    const cancelled = counted(cancellable, 'cancellable lead', 'cancellable leads');
    await confirm(context, `${deleted} Its ${cancelled} will be cancelled, which cannot be undone`);
  }
  return settleLeads(matching, choice);
}

/** Describes in a clause what will happen to the leads of a partner; empty: nothing. */
async function describeLeads({ store, filter }: Matching, choice: LeadsChoice): Promise<string> {
  const { cancellable, inFlight } = await store.countRemainingLeads(filter);
  const total = cancellable + inFlight;
  if (choice === 'keep' && total > 0) {
    return `, its ${counted(total, 'scheduled or held lead', 'scheduled or held leads')} kept`;
  }
  if (choice === 'cancel' && cancellable > 0) {
    return `, its ${counted(cancellable, 'cancellable lead', 'cancellable leads')} cancelled`;
  }
  return '';
}
