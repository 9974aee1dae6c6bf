import type { WaitCause } from '../leads/wait-cause.ts';
import type { DueLead } from '../store/delivery.ts';
import type { Permission, Permitted, TooLateCause, Waiting } from './permission.ts';

/** Leads by what may happen to them now. */
export interface SortedPermissions<Lead extends DueLead> {
  permitted: Permitted<Lead>[];
  waiting: Waiting<Lead>[];
  /** Ids of the leads whose people do not want the call. */
  suppressed: string[];
  /** Ids of the leads that are too late to call, by the cause. */
  tooLate: Map<TooLateCause, string[]>;
}

/** Sorts leads by what may happen to them now. */
export function sortedPermissions<Lead extends DueLead>(
  permissions: readonly Permission<Lead>[],
): SortedPermissions<Lead> {
  const sorted: SortedPermissions<Lead> = { permitted: [], waiting: [], suppressed: [], tooLate: new Map() };
  for (const permission of permissions) {
    const { outcome, lead } = permission;
    if (outcome === 'deliver') sorted.permitted.push(permission);
    else if (outcome === 'wait') sorted.waiting.push(permission);
    else if (outcome === 'suppressed') sorted.suppressed.push(lead.id);
    else {
      const { cause } = permission;
      sorted.tooLate.set(cause, [...(sorted.tooLate.get(cause) ?? []), lead.id]);
    }
  }
  return sorted;
}

/** Leads that are released together. */
export interface Release {
  ids: string[];
  until: number;
  waitsFor: WaitCause;
}

/** Groups waiting leads by the time until which they wait, so that one write releases many of them. */
export function releasesOf(waiting: readonly Waiting[]): Release[] {
  const groups = Map.groupBy(waiting, ({ until, waitsFor }) => `${until} ${waitsFor}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    return [{ ids: group.map(({ lead }) => lead.id), until: first.until, waitsFor: first.waitsFor }];
  });
}
