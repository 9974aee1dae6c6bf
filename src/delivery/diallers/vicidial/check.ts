import type { DiallerCheck, RequestLimit } from '../../dialler.ts';
import type { VicidialApi } from './api.ts';
import type { ListSettings } from './lists.ts';
import { columnOf } from './parameters.ts';
import { RequestFailed } from './request-failed.ts';
import { isListError, isLoginPause, isPermissionError } from './response.ts';
import type { VicidialSettings } from './settings.ts';

/** Maximum difference between the clocks of the server and VICIdial (ms). */
const maxClockDifference = 60_000;

/** A parameter that add_lead rejects after it has checked the user and the list: nothing is added. */
const invalidNumber = { phone_number: '1', list_exists_check: 'Y' };

/** Functions that are needed after an attempt without a response, with parameters that find nothing. */
const lookups = [
  ['lead_search', { phone_number: '0000000000' }],
  ['lead_field_info', { lead_id: '0', field_name: 'status' }],
  ['update_lead', { search_method: 'LEAD_ID', lead_id: '0' }],
] as const;

/** The leads that a check concerns. */
type CheckedLeads = Required<Pick<DiallerCheck, 'type'>> & Pick<DiallerCheck, 'subtype'>;

/** What VICIdial has about a list. */
interface ListInfo {
  campaign: string;
  isActive: boolean;
  fields: readonly string[];
}

/** Checks the set-up in VICIdial by requests that change nothing. */
export class SetUpCheck {
  readonly #api: VicidialApi;
  readonly #settings: VicidialSettings & { requests: RequestLimit };
  readonly #signal: AbortSignal;
  readonly #found: DiallerCheck[] = [];

  /** @param settings also the limit of the requests of this server */
  constructor(
    api: VicidialApi,
    settings: VicidialSettings & { requests: RequestLimit },
    signal: AbortSignal,
  ) {
    this.#api = api;
    this.#settings = settings;
    this.#signal = signal;
  }

  /** Returns what was found. @param types the lead types whose leads are delivered */
  async run(types: readonly string[]): Promise<DiallerCheck[]> {
    const { lists } = this.#settings;
    const missing = types.filter((type) => !lists.has(type));
    for (const type of missing)
      this.#problem('list', `DIALLER_LISTS has no list for this type: add it`, { type });
    for (const type of lists.keys()) {
      if (!types.includes(type))
        this.#problem('list', 'DIALLER_LISTS names a lead type that does not exist', { type });
    }
    if (!(await this.#checkLogin())) return this.#found;
    for (const [type, settings] of lists) {
      await this.#checkList({ type }, settings);
      for (const [subtype, own] of settings.subtypes) await this.#checkList({ type, subtype }, own);
    }
    for (const [name, parameters] of lookups) await this.#checkFunction(name, parameters);
    this.#add('unchecked', 'phone numbers', this.#numberForm());
    this.#add('unchecked', 'logins', this.#loginLimit());
    return this.#found;
  }

  /** Returns whether the user can log in: a second failed login would bring it closer to its lock. */
  async #checkLogin(): Promise<boolean> {
    try {
      // VICIdial returns its version without a login.
      const { text } = await this.#api.call('version', {}, this.#signal);
      const [, epoch] = /EPOCH: (\d+)/.exec(text) ?? [];
      if (epoch === undefined) {
        this.#problem('login', 'the response is not from VICIdial’s API: check DIALLER_URL');
        return false;
      }
      await this.#logIn();
      this.#add('ok', 'login', 'the user can log in');
      const difference = Math.abs(Number(epoch) * 1_000 - Date.now());
      if (difference <= maxClockDifference) this.#add('ok', 'clock', 'the clocks agree');
      else
        this.#problem(
          'clock',
          `the clocks of this server and of VICIdial differ by ${Math.round(difference / 1_000)} s, so leads are delivered or called at the wrong times: find the wrong clock, and synchronise both (NTP)`,
        );
      return true;
    } catch (error) {
      const pause = error instanceof RequestFailed ? error.result.pause : undefined;
      const details = reasonOf(error);
      this.#found.push({
        subject: 'login',
        result: 'problem',
        details,
        ...(pause !== undefined && isLoginPause(pause) && { pause }),
      });
      return false;
    }
  }

  /** @throws {RequestFailed} if the user cannot log in, or not from here */
  async #logIn(): Promise<void> {
    const [name, parameters] = lookups[0];
    try {
      await this.#api.call(name, parameters, this.#signal);
    } catch (error) {
      // A missing permission is a problem of the function, which is checked later.
      if (!(error instanceof RequestFailed) || !isPermissionError(error.result.response)) throw error;
    }
  }

  async #checkList(leads: CheckedLeads, settings: ListSettings): Promise<void> {
    const { list } = settings;
    try {
      const { lines } = await this.#api.call('add_lead', { ...invalidNumber, list_id: list }, this.#signal);
      const message = lines.find(({ kind }) => kind === 'ERROR')?.message ?? '';
      if (isListError(message)) return this.#problem(`list ${list}`, `${message}: correct it`, leads);
      if (!/INVALID PHONE NUMBER/.test(message)) {
        return this.#add('unchecked', `list ${list}`, message || 'unexpected response', leads);
      }
      this.#add('ok', `list ${list}`, 'leads can be added', leads);
      await this.#checkListInfo(leads, settings);
    } catch (error) {
      this.#problem(`list ${list}`, reasonOf(error), leads);
    }
  }

  /** Checks what only a user who may modify lists can read. */
  async #checkListInfo(leads: CheckedLeads, { list, campaign, customFields }: ListSettings): Promise<void> {
    const info = await this.#listInfo(list).catch((error) => reasonOf(error));
    if (typeof info === 'string') {
      const details = `campaign and custom fields were not checked (${info}): allow DIALLER_USER to modify lists`;
      return this.#add('unchecked', `list ${list}`, details, leads);
    }
    if (!info.isActive)
      this.#problem(`list ${list}`, 'the list is not active: its leads are not called', leads);
    if (campaign === undefined) {
      const details = `the do-not-call list of the campaign ${info.campaign} is not checked: set "campaign"`;
      this.#add('unchecked', 'campaign', details, leads);
    } else if (campaign === info.campaign) this.#add('ok', 'campaign', campaign, leads);
    else {
      const details = `the campaign of list ${list} is ${info.campaign}, not ${campaign}: VICIdial checks no do-not-call list`;
      this.#problem('campaign', details, leads);
    }
    const unknown = Object.values(customFields ?? {}).filter(
      (field) => columnOf(field) === undefined && !info.fields.includes(field),
    );
    for (const field of unknown) {
      this.#problem(
        'custom fields',
        `list ${list} has no custom field ${field}: create it, in the same case`,
        leads,
      );
    }
    if (unknown.length > 0) return;
    const fields = info.fields.length === 0 ? 'the list has none' : info.fields.join(', ');
    this.#add('ok', 'custom fields', fields, leads);
  }

  async #listInfo(list: string): Promise<ListInfo | string> {
    const { text, lines } = await this.#api.call('list_custom_fields', { list_id: list }, this.#signal);
    const row = text.split(/\r?\n/).find((line) => line.startsWith(`${list}|`));
    if (row === undefined) return lines[0]?.message ?? 'unexpected response';
    const columns = row.split('|');
    const [campaign = '', active] = columns.slice(-5);
    const fields = (columns.at(-1) ?? '').trim().split(/\s+/).filter(Boolean);
    return { campaign, isActive: active === 'Y', fields };
  }

  async #checkFunction(name: (typeof lookups)[number][0], parameters: Record<string, string>): Promise<void> {
    try {
      await this.#api.call(name, parameters, this.#signal);
      this.#add('ok', name, 'allowed');
    } catch (error) {
      this.#problem(name, `${reasonOf(error)} (needed after an attempt without a response)`);
    }
  }

  #numberForm(): string {
    const { numberForm } = this.#settings;
    const example = {
      significant: '44 and 7840258823',
      national: '07840258823',
      international: '447840258823',
    };
    const omits = numberForm === 'significant' ? 'N' : 'Y';
    return `+447840258823 is sent as ${example[numberForm]}: the campaigns must have Omit Phone Code = ${omits}`;
  }

  /** The servers cannot know who else logs in as the user. */
  #loginLimit(): string {
    const { max, maxTotal } = this.#settings.requests;
    return `a server sends up to ${max} requests at once, and all servers of a store up to ${maxTotal}, because the tenth failed login locks the user: nobody else may log in as DIALLER_USER`;
  }

  #problem(subject: string, details: string, leads: Partial<CheckedLeads> = {}): void {
    this.#add('problem', subject, details, leads);
  }

  #add(
    result: DiallerCheck['result'],
    subject: string,
    details: string,
    leads: Partial<CheckedLeads> = {},
  ): void {
    this.#found.push({ subject, result, details, ...leads });
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof RequestFailed) return error.result.pause?.reason ?? error.result.response;
  throw error;
}
