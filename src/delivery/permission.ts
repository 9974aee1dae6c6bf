import type { DeliveryBasis } from '../leads/delivery-basis.ts';
import { withoutOtherPhone } from '../leads/submitted-fields.ts';
import type { WaitCause } from '../leads/wait-cause.ts';
import type { DueLead } from '../store/delivery.ts';
import type { BlockedTimes } from './blocked-times.ts';

/** Why it is too late to call: DIAL_WITHIN has passed, or the time that the partner sent with the lead. */
export type TooLateCause = 'dial-within' | 'expires-at';

/** What may happen to a claimed lead now. */
export type Permission<Lead extends DueLead = DueLead> =
  | Permitted<Lead>
  | Waiting<Lead>
  | {
      outcome: 'too-late';
      lead: Lead;
      cause: TooLateCause;
    }
  | {
      /** The person does not want the call. */
      outcome: 'suppressed';
      lead: Lead;
      /** Why it is not delivered: a sentence without personal data. */
      reason: string;
    };

/** A lead that may not be delivered now. */
export interface Waiting<Lead extends DueLead = DueLead> {
  outcome: 'wait';
  lead: Lead;
  /** Earliest time of the next claim (ms since 1970). */
  until: number;
  /** What the lead waits for. */
  waitsFor: WaitCause;
  /** Why it is not delivered now: a sentence without personal data. */
  reason: string;
  /** Whether no lead of its type can be delivered until then, so that DIAL_WITHIN does not count the time. */
  isTypeBlocked?: boolean;
}

/** A lead that may be delivered now. */
export interface Permitted<Lead extends DueLead = DueLead> {
  outcome: 'deliver';
  /** The lead as the dialler receives it: without its `other_phone` if that may not be called. */
  lead: Lead;
  /** What was left out, and why: a sentence without personal data for the record of the attempt. Undefined: nothing. */
  leftOut?: string;
  /** On what basis it may be delivered, for the record of the attempt. Undefined: no rule has stated one. */
  basis?: Partial<DeliveryBasis>;
}

/** Permits a lead without its `other_phone`. @param reason why it is left out: a clause without personal data */
export function withoutOther<Lead extends DueLead>(
  lead: Lead,
  reason: string,
  basis?: Partial<DeliveryBasis>,
): Permitted<Lead> {
  return {
    outcome: 'deliver',
    lead: { ...lead, content: withoutOtherPhone(lead.content) },
    leftOut: `other_phone was left out, because ${reason}`,
    ...(basis && { basis }),
  };
}

/**
 * A rule about when and whether leads may be delivered. It applies after a claim, so that no path of delivery avoids
 * it: first attempts, retries, re-runs and `leads due --take`. To add one, write its file, and add it to
 * `deliveryPermission`.
 */
export interface DeliveryRule {
  /** Whether it decides only on claimed leads, because it asks a service or counts deliveries. */
  readonly needsClaim?: boolean;
  /**
   * Decides on leads, in their order. Unless `needsClaim` is true, they may be unclaimed.
   *
   * @param now milliseconds since 1970
   * @throws if the store fails; nothing is delivered then
   */
  decide<Lead extends DueLead>(leads: readonly Lead[], now: number): Promise<Permission<Lead>[]>;
  /** Why leads wait until an operator acts: a sentence without personal data. Undefined: none does. */
  readonly problem?: string | undefined;
}

/** Applies every rule to leads. A lead that one rule permits is passed to the next one. */
export class DeliveryPermission {
  readonly #rules: readonly DeliveryRule[];
  readonly #blocked: BlockedTimes | undefined;

  /**
   * @param rules in the order in which they apply: the first rule that does not permit a lead decides on it
   * @param blocked undefined: it does not matter when leads can be delivered
   */
  constructor(rules: readonly DeliveryRule[], blocked?: BlockedTimes) {
    this.#rules = rules;
    this.#blocked = blocked;
  }

  /** Why leads wait until an operator acts: sentences. Undefined: none does. */
  get problem(): string | undefined {
    const problems = this.#rules.map(({ problem }) => problem).filter((each) => each !== undefined);
    return problems.length === 0 ? undefined : problems.join(' ');
  }

  /**
   * Decides on claimed leads, in their order.
   *
   * @param now milliseconds since 1970
   * @throws if the store fails; nothing may be delivered then
   */
  async decide<Lead extends DueLead>(leads: readonly Lead[], now = Date.now()): Promise<Permission<Lead>[]> {
    const permissions = await applyAll(this.#rules, leads, now);
    await this.#blocked?.record(permissions, now);
    return permissions;
  }

  /**
   * Decides on leads that nobody has claimed, in their order, without the rules that need a claim: a lead that it
   * permits may not be delivered.
   *
   * @throws if the store fails
   */
  decideUnclaimed<Lead extends DueLead>(leads: readonly Lead[]): Promise<Permission<Lead>[]> {
    const rules = this.#rules.filter(({ needsClaim }) => !needsClaim);
    return applyAll(rules, leads, Date.now());
  }
}

async function applyAll<Lead extends DueLead>(
  rules: readonly DeliveryRule[],
  leads: readonly Lead[],
  now: number,
): Promise<Permission<Lead>[]> {
  let permissions: Permission<Lead>[] = leads.map((lead) => ({ outcome: 'deliver', lead }));
  for (const rule of rules) permissions = await apply(rule, permissions, now);
  return permissions;
}

/** Applies a rule to the leads that the rules before it have permitted. */
async function apply<Lead extends DueLead>(
  rule: DeliveryRule,
  permissions: readonly Permission<Lead>[],
  now: number,
): Promise<Permission<Lead>[]> {
  const permitted = permissions.filter((permission) => permission.outcome === 'deliver');
  if (permitted.length === 0) return [...permissions];
  const decisions = (
    await rule.decide(
      permitted.map(({ lead }) => lead),
      now,
    )
  ).values();
  return permissions.map((permission) => {
    if (permission.outcome !== 'deliver') return permission;
    const decision = decisions.next().value;
    if (decision === undefined) throw new Error('A delivery rule has not decided on every lead.');
    return decision.outcome === 'deliver' ? combined(permission, decision) : decision;
  });
}

/** Combines what two rules have left out of a permitted lead. */
function combined<Lead extends DueLead>(
  { leftOut: before, basis: basisBefore }: Permitted<Lead>,
  { lead, leftOut: after, basis: basisAfter }: Permitted<Lead>,
): Permitted<Lead> {
  const leftOut = [before, after].filter((each) => each !== undefined).join(' ');
  const basis = basisBefore || basisAfter ? { ...basisBefore, ...basisAfter } : undefined;
  return { outcome: 'deliver', lead, ...(leftOut !== '' && { leftOut }), ...(basis && { basis }) };
}
