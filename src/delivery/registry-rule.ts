import type { DeliveryBasis } from '../leads/delivery-basis.ts';
import type { ParsePhone } from '../leads/phone.ts';
import { isOutdated } from '../leads/registry-age.ts';
import { containsConsent, otherNumberOf } from '../leads/submitted-fields.ts';
import type { DueLead } from '../store/delivery.ts';
import type { ListedNumber, NumberRegistries } from '../store/number-registries.ts';
import type { RefusedNumber, Screenings } from '../store/screenings.ts';
import type { ScreeningOfType } from '../store/type-screening.ts';
import { formatDate } from '../text/time.ts';
import { type DeliveryRule, type Permission, withoutOther } from './permission.ts';
import type { CurrentScreening, ScreeningByType } from './screening-by-type.ts';

/** Time after which a lead that waits for a list is decided on again (ms). An import does not wait for it. */
const retryDelay = 60_000;

/** A lead whose type requires registries. */
interface RequiringLead<Lead extends DueLead> {
  lead: Lead;
  type: ScreeningOfType;
  /** E.164. Undefined: none that could be called. */
  other: string | undefined;
}

/**
 * Nothing is delivered to a number in the list of a registry that the lead's type requires. While a list is missing or
 * outdated, the leads of the type wait.
 */
export class RegistryRule implements DeliveryRule {
  readonly #store: Pick<NumberRegistries, 'listedNumbers'> & Pick<Screenings, 'recordRefusedNumbers'>;
  readonly #screening: ScreeningByType;
  readonly #parsePhone: ParsePhone;
  #current: CurrentScreening | undefined;

  constructor(
    store: Pick<NumberRegistries, 'listedNumbers'> & Pick<Screenings, 'recordRefusedNumbers'>,
    screening: ScreeningByType,
    parsePhone: ParsePhone,
  ) {
    this.#store = store;
    this.#screening = screening;
    this.#parsePhone = parsePhone;
  }

  /** Why leads wait for registries, as of the last claim. */
  get problem(): string | undefined {
    return this.#current && registryProblem(this.#current, Date.now());
  }

  async decide<Lead extends DueLead>(leads: readonly Lead[], now: number): Promise<Permission<Lead>[]> {
    const current = await this.#screening.current();
    this.#current = current;
    const requiring: RequiringLead<Lead>[] = [];
    const waiting = new Map<Lead, Permission<Lead>>();
    for (const lead of leads) {
      const type = current.types.get(lead.type);
      if (type === undefined || type.registries.length === 0) continue;
      const missing = outdatedOf(type, current, now);
      if (missing.length > 0) {
        const reason = describeOutdated(missing, current);
        const wait = { until: now + retryDelay, waitsFor: 'registry', reason, isTypeBlocked: true } as const;
        waiting.set(lead, { outcome: 'wait', lead, ...wait });
      } else requiring.push({ lead, type, other: otherNumberOf(lead.content, this.#parsePhone) });
    }
    const searched = await this.#search(requiring, current, now);
    return leads.map((lead) => waiting.get(lead) ?? searched.get(lead) ?? { outcome: 'deliver', lead });
  }

  /** Decides on leads by the lists in force, which are current. */
  async #search<Lead extends DueLead>(
    requiring: readonly RequiringLead<Lead>[],
    current: CurrentScreening,
    now: number,
  ): Promise<ReadonlyMap<Lead, Permission<Lead>>> {
    const permissions = new Map<Lead, Permission<Lead>>();
    if (requiring.length === 0) return permissions;
    const numbers = requiring.flatMap(({ lead, other }) => [lead.mobile, ...(other ? [other] : [])]);
    const ids = requiring.map(({ lead }) => lead.id);
    const found = await this.#store.listedNumbers(ids, [...new Set(numbers)]);
    const byNumber = Map.groupBy(found, ({ leadId, mobile }) => `${leadId} ${mobile}`);
    const refused: RefusedNumber[] = [];
    for (const { lead, type, other } of requiring) {
      const own = byNumber.get(`${lead.id} ${lead.mobile}`) ?? [];
      const others = byNumber.get(`${lead.id} ${other}`) ?? [];
      const isOverridden = own.length > 0 && type.registryOverride && containsConsent(lead.content);
      const basis = basisOf(type, current, isOverridden ? own : []);
      if (own.length > 0 && !isOverridden) {
        refused.push(refusal(lead, lead.mobile, own, 'suppressed', now));
        permissions.set(lead, { outcome: 'suppressed', lead, reason: listed });
      } else if (other !== undefined && others.length > 0) {
        refused.push(refusal(lead, other, others, 'other-phone-left-out', now));
        permissions.set(lead, withoutOther(lead, otherListed, basis));
      } else permissions.set(lead, { outcome: 'deliver', lead, basis });
    }
    if (refused.length > 0) await this.#store.recordRefusedNumbers(refused);
    return permissions;
  }
}

const listed = 'A registry that the lead type requires lists the number.';

const otherListed = 'a registry lists it';

function outdatedOf(type: ScreeningOfType, { registries }: CurrentScreening, now: number): string[] {
  return type.registries.filter((name) => {
    const registry = registries.get(name);
    return registry === undefined || isOutdated(registry, now);
  });
}

/** Describes registries whose lists are missing or outdated: a sentence. */
function describeOutdated(names: readonly string[], { registries }: CurrentScreening): string {
  const each = names.map((name) => {
    const datedAt = registries.get(name)?.datedAt ?? null;
    return datedAt === null ? `no list of ${name}` : `only a list of ${name} of ${formatDate(datedAt)}`;
  });
  return `There is ${each.join(' and ')}. Import a current one with \`leads suppression import --registry\`.`;
}

/** Describes why leads wait for registries. Undefined: none does. @param now milliseconds since 1970 */
function registryProblem(current: CurrentScreening, now: number): string | undefined {
  const types = [...current.types.values()];
  const missing = new Set(types.flatMap((type) => outdatedOf(type, current, now)));
  if (missing.size === 0) return undefined;
  return `Lead types wait for a registry. ${describeOutdated([...missing], current)}`;
}

/** What is recorded with the attempt: the date of each list in which the number was searched. */
function basisOf(
  { registries: names }: ScreeningOfType,
  { registries }: CurrentScreening,
  overridden: readonly ListedNumber[],
): Partial<DeliveryBasis> {
  const dates = names.map((name) => [name, formatDate(registries.get(name)?.datedAt ?? 0)]);
  const basis = { registries: Object.fromEntries(dates) };
  if (overridden.length === 0) return basis;
  return { ...basis, overridden_by_consent: overridden.map(({ registry }) => registry) };
}

function refusal(
  lead: DueLead,
  mobile: string,
  listings: readonly ListedNumber[],
  result: RefusedNumber['result'],
  at: number,
): RefusedNumber {
  const lists = listings.map(({ registry, datedAt }) => [registry, formatDate(datedAt)]);
  return { leadId: lead.id, mobile, at, lists: Object.fromEntries(lists), result };
}
