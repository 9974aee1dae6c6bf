import type { ServerResponse } from 'node:http';
import { type PhpForm, phpForm } from './php-form.ts';
import type { Behaviour } from './receiver.ts';
import { asColumn, asComments, asCustomField, asEmail, type CustomField } from './vicidial-text.ts';

/** A lead as the stand-in stores it. */
export interface VicidialLead {
  id: number;
  list: string;
  addedAt: number;
  status: string;
  calledCount: number;
  /** Standard columns. */
  columns: PhpForm;
  /** Custom fields; undefined: the row in the table of the list's custom fields is missing. */
  custom: PhpForm | undefined;
}

/** A list of the stand-in. */
export interface VicidialList {
  campaign: string;
  /** By label. */
  customFields: Record<string, CustomField>;
}

/** A row of the hopper: the lead is called next. */
export interface HopperRow {
  leadId: number;
  priority: string;
  /** A dialling script takes a lead (`QUEUE`), calls it (`INCALL`), and removes the row. */
  status: 'READY' | 'QUEUE' | 'INCALL';
}

/** A step of a request, in the order in which the script takes them. */
export type Step = 'check' | 'row' | 'custom' | 'hopper' | 'removal' | 'response';

/** Number of failed logins, from anywhere, that lock the user. */
const maxFailedLogins = 10;

const day = 86_400_000;

/** The only numbers of days of `duplicate_check`. A part of another number may be one of them: 31DAY means 1DAY. */
const knownDays = [360, 180, 90, 60, 30, 28, 21, 15, 14, 7, 3, 2, 1];

/** Standard columns that have the text rules of names, with their lengths. */
const nameColumns = {
  vendor_lead_code: 20,
  source_id: 50,
  title: 4,
  first_name: 30,
  middle_initial: 1,
  last_name: 30,
  address1: 100,
  address2: 100,
  address3: 100,
  city: 50,
  state: 2,
  province: 50,
  postal_code: 10,
  country_code: 3,
  gender: 1,
  date_of_birth: 10,
  alt_phone: 12,
  security_phrase: 100,
  rank: 5,
  owner: 20,
};

/** A request, and the lines that its script has printed so far. */
interface Request {
  form: PhpForm;
  /** Undefined: the request does not come from a client. */
  outgoing?: ServerResponse;
  lines: string[];
}

/** Writes a request into VICIdial's own log, with the last member of the form, which is not escaped. */
function writeLog(form: PhpForm): void {
  checkLogged(Object.values(form).at(-1) ?? '');
}

function checkLogged(text: string): void {
  if (text.includes("'")) throw new Error('The statement that writes the log has a syntax error.');
}

/** The process of a request was killed. */
class Killed extends Error {}

/**
 * Stand-in for VICIdial's non_agent_api.php, with the texts of a real one. It writes a lead in steps (row, custom
 * fields, hopper, removal from the hopper), each of which waits while its table is locked, and ends there if the
 * process is killed. A client that has hung up does not end a request, unless PHP does not buffer its output.
 */
export class VicidialStandIn {
  readonly user = 'leadsapi';
  password = 'correct horse';
  /** Time after the last successful login at which a lock of the user ends (ms). */
  lockDuration = 15 * 60_000;
  readonly lists = new Map<string, VicidialList>([
    ['1001', { campaign: 'MOTOR', customFields: { make: 30, vehicle_make: 30, note: 255 } }],
    ['1002', { campaign: 'HOME', customFields: {} }],
  ]);
  /** Lists that the user may not use. */
  readonly forbiddenLists = new Set<string>();
  /** Lists whose leads the user may not read. */
  readonly hiddenLists = new Set<string>();
  /** Ids of leads with a scheduled callback. */
  readonly callbacks = new Set<number>();
  /** Lists that are not active. */
  readonly inactiveLists = new Set<string>();
  /** Functions that the user may not use. */
  readonly forbiddenFunctions = new Set<string>();
  /** Numbers on the system's do-not-call list, as stored. */
  readonly doNotCall = new Set<string>();
  /** Numbers on the do-not-call lists of campaigns (`MOTOR 7840258823`), as stored. */
  readonly campaignDoNotCall = new Set<string>();
  /** Whether non-Latin letters are enabled. */
  keepsLetters = false;
  /** Whether its web server drops what a script printed before an error. */
  hidesOutputOfErrors = false;
  /** Whether add_lead adds custom fields. It does not in versions from May 2020 to November 2024. */
  addsCustomFields: 'works' | 'fails' | 'notice' = 'works';
  /** Whether people may be called at this time. */
  isCallingTime = true;
  /** Output of PHP before the lines of the response. */
  warnings = '';
  /** Whether PHP sends output at once, and ends a request whose client has hung up. */
  isUnbuffered = false;
  readonly leads: VicidialLead[] = [];
  readonly hopper: HopperRow[] = [];
  /** All forms received. */
  readonly forms: PhpForm[] = [];
  failedLogins = 0;
  loggedInAt = Date.now();
  /** Its clock (ms since 1970). */
  now = () => Date.now();
  /** Number of requests in progress. */
  running = 0;
  /** Called before each step of a request that reaches it; may wait, or throw what `kill` returns. */
  onStep: (step: Step, form: PhpForm) => Promise<void> | void = () => {};
  #unlocked: Promise<void> | undefined;

  /**
   * Handles requests. A killed process closes the connection; a failure of the database is status 500 without a body.
   */
  readonly behave: Behaviour = async ({ body }, outgoing) => {
    this.running += 1;
    const request: Request = { form: phpForm(body), outgoing, lines: [] };
    try {
      await this.#run(request);
      const text = this.#text(request);
      if (this.isUnbuffered) outgoing.end(text);
      else outgoing.writeHead(200, { 'Content-Length': Buffer.byteLength(text) }).end(text);
    } catch (error) {
      // Without buffers, the lines until then are a response that looks complete.
      if (error instanceof Killed && this.isUnbuffered) outgoing.end(this.#text(request));
      else if (error instanceof Killed) outgoing.destroy();
      else if (outgoing.headersSent) outgoing.end(this.#text(request));
      else outgoing.writeHead(500).end(this.hidesOutputOfErrors ? '' : this.#text(request));
    } finally {
      this.running -= 1;
    }
  };

  /** Handles a form. */
  async respond(form: PhpForm): Promise<string> {
    const request: Request = { form, lines: [] };
    await this.#run(request);
    return this.#text(request);
  }

  /** Returns the error with which a step ends a request as if its process were killed. */
  kill(): Error {
    return new Killed();
  }

  /** Ends the next request that reaches this step as if its process were killed. */
  killOnceAt(killedStep: Step): void {
    let isKilled = false;
    this.onStep = (step) => {
      if (isKilled || step !== killedStep) return;
      isKilled = true;
      throw this.kill();
    };
  }

  /** Locks the tables against writing: rows are added once the returned function is called. */
  lock(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#unlocked = promise;
    return () => {
      this.#unlocked = undefined;
      resolve();
    };
  }

  /** Calls the leads in the hopper, and returns the numbers. @param omitsPhoneCode the campaign's Omit Phone Code */
  dial(omitsPhoneCode = false): string[] {
    return this.hopper.splice(0).map(({ leadId }) => {
      const lead = this.#lead(String(leadId));
      if (lead === undefined) throw new Error(`The hopper has a lead ${leadId} that does not exist.`);
      Object.assign(lead, { status: 'INCALL', calledCount: lead.calledCount + 1 });
      const { phone_code, phone_number } = lead.columns;
      return omitsPhoneCode ? `${phone_number}` : `${phone_code}${phone_number}`;
    });
  }

  /** Without buffers, the warnings have been sent already. */
  #text({ lines }: Request): string {
    const text = lines.map((line) => `${line}\n`).join('');
    return this.isUnbuffered ? text : `${this.warnings}${text}`;
  }

  async #run(request: Request): Promise<void> {
    const { form, outgoing, lines } = request;
    this.forms.push(form);
    if (this.isUnbuffered) outgoing?.writeHead(200).write(this.warnings);
    // VICIdial returns its version to everybody.
    const error =
      form['function'] === 'version' ? undefined : (this.#authenticate(form) ?? this.#authorise(form));
    if (error !== undefined) lines.push(error);
    else if (form['function'] === 'add_lead') await this.#addLead(request);
    else if (form['function'] === 'update_lead') await this.#updateLead(request);
    else this.#readInto(request);
    await this.#step('response', request);
  }

  #authenticate({ user, pass }: PhpForm): string | undefined {
    const isLocked = this.failedLogins >= maxFailedLogins && Date.now() - this.loggedInAt < this.lockDuration;
    if (isLocked) return 'ERROR: Too many login attempts, try again in 15 minutes';
    if (user === this.user && pass === this.password) {
      this.failedLogins = 0;
      this.loggedInAt = Date.now();
      return undefined;
    }
    this.failedLogins += 1;
    return `ERROR: Login incorrect, please try again: |${user}|${pass}|BAD|`;
  }

  #authorise({ user, function: name }: PhpForm): string | undefined {
    if (!name) return 'ERROR: NO FUNCTION SPECIFIED';
    if (!this.forbiddenFunctions.has(name)) return undefined;
    return `ERROR: auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION - ${user}|${name}`;
  }

  /** Prints the response of a function that changes nothing. Its log contains a field that was read, not escaped. */
  #readInto({ form, lines }: Request): void {
    const response = this.#read(form);
    lines.push(response);
    if (form['function'] === 'lead_field_info') checkLogged(response);
    writeLog(form);
  }

  /** Returns the response of a function that changes nothing. */
  #read(form: PhpForm): string {
    const { user, function: name } = form;
    if (name === 'lead_search') return this.#search(form);
    if (name === 'lead_field_info') return this.#fieldInfo(form);
    if (name === 'list_custom_fields') return this.#listCustomFields(form);
    if (name === 'version') {
      return `VERSION: 2.14-202|BUILD: 250720-1841|DATE: x|EPOCH: ${Math.floor(this.now() / 1_000)}|DST: 0|TZ: 0|`;
    }
    return `ERROR: NO FUNCTION SPECIFIED - ${user}`;
  }

  /** Takes a step of a request. Steps that write wait until the tables are unlocked. */
  async #step(step: Step, { form, outgoing }: Request): Promise<void> {
    await this.onStep(step, form);
    if (step !== 'check' && step !== 'response') await this.#unlocked;
    if (this.isUnbuffered && outgoing?.destroyed) throw new Killed();
  }

  async #addLead(request: Request): Promise<void> {
    const { form, lines } = request;
    const { user = '', phone_number: phone = '', list_id: list = '' } = form;
    await this.#step('check', request);
    const refusal = this.#refusal(form);
    if (refusal !== undefined) {
      lines.push(`ERROR: add_lead ${refusal}`);
      return;
    }
    await this.#step('row', request);
    const lead = this.#insert(form);
    lines.push(`SUCCESS: add_lead LEAD HAS BEEN ADDED - ${phone}|${list}|${lead.id}||${user}`);
    writeLog(form);
    if (form['custom_fields'] === 'Y') {
      await this.#step('custom', request);
      const values = `${phone}|${lead.id}|${list}`;
      if (this.addsCustomFields === 'fails') throw new Error('The statement has a syntax error.');
      if (this.addsCustomFields === 'notice') {
        lines.push(`NOTICE: add_lead CUSTOM FIELDS NOT ADDED, NO FIELDS TO UPDATE DEFINED - ${values}`);
        return this.#writeHopper('add_lead', lead, request);
      }
      lines.push(`NOTICE: add_lead ${this.#writeCustomFields(lead, form)}`);
    }
    await this.#writeHopper('add_lead', lead, request);
  }

  /** Returns why a lead is not added: a message and its values. */
  #refusal(form: PhpForm): string | undefined {
    const { user, phone_number: phone = '', list_id: list = '', campaign_id: campaign } = form;
    if (this.forbiddenLists.has(list)) return `NOT AN ALLOWED LIST ID - ${phone}|${list}`;
    if (form['list_exists_check'] === 'Y' && !this.lists.has(list)) {
      return `NOT A DEFINED LIST ID, LIST EXISTS CHECK ENABLED - ${phone}|${list}`;
    }
    if (!/^\d{6,16}$/.test(phone)) return `INVALID PHONE NUMBER LENGTH - ${phone}|${user}`;
    if (form['dnc_check'] === 'Y' && this.doNotCall.has(phone))
      return `PHONE NUMBER IN DNC - ${phone}|${user}`;
    const isCampaignChecked = form['campaign_dnc_check'] === 'Y';
    if (isCampaignChecked && this.campaignDoNotCall.has(`${campaign} ${phone}`)) {
      return `PHONE NUMBER IN CAMPAIGN DNC - ${phone}|${campaign}|${user}`;
    }
    return this.#duplicate(form);
  }

  #duplicate({
    duplicate_check: check = '',
    phone_number: phone,
    list_id: list = '',
  }: PhpForm): string | undefined {
    const [, scope, days] = /^DUP(LIST|CAMP|SYS)(.*)$/.exec(check) ?? [];
    const maxAge = (knownDays.find((each) => days?.includes(`${each}DAY`)) ?? Number.POSITIVE_INFINITY) * day;
    const campaign = this.lists.get(list)?.campaign;
    const found = this.leads.find(
      (lead) =>
        lead.columns['phone_number'] === phone &&
        Date.now() - lead.addedAt < maxAge &&
        (scope === 'SYS' ||
          (scope === 'CAMP' && this.lists.get(lead.list)?.campaign === campaign) ||
          (scope === 'LIST' && lead.list === list)),
    );
    if (found === undefined) return undefined;
    const where = { LIST: 'LIST', CAMP: 'CAMPAIGN LISTS', SYS: 'SYSTEM' }[scope ?? ''];
    return `DUPLICATE PHONE NUMBER IN ${where} - ${phone}|${list}|${found.id}${scope === 'LIST' ? '' : `|${found.list}`}`;
  }

  #insert(form: PhpForm): VicidialLead {
    const id = (this.leads.at(-1)?.id ?? 0) + 1;
    const { list_id: list = '', phone_number = '', phone_code = '1' } = form;
    const columns = { ...this.#columns(form), phone_number, phone_code };
    const lead = { id, list, addedAt: Date.now(), status: 'NEW', calledCount: 0, columns, custom: undefined };
    this.leads.push(lead);
    return lead;
  }

  /** Returns the standard columns of a form, as they are stored. */
  #columns(form: PhpForm): PhpForm {
    const columns: PhpForm = {};
    for (const [name, length] of Object.entries(nameColumns)) {
      const text = form[name];
      if (text !== undefined) columns[name] = asColumn(name, text, this.keepsLetters).slice(0, length);
    }
    if (form['email'] !== undefined) columns['email'] = asEmail(form['email']).slice(0, 70);
    if (form['comments'] !== undefined) columns['comments'] = asComments(form['comments']);
    const blank = Object.entries(columns).filter(([, text]) => text === '--BLANK--');
    return { ...columns, ...Object.fromEntries(blank.map(([name]) => [name, ''])) };
  }

  async #writeHopper(name: string, lead: VicidialLead, request: Request): Promise<void> {
    if (request.form['add_to_hopper'] !== 'Y') return;
    await this.#step('hopper', request);
    request.lines.push(`NOTICE: ${name} ${this.#addToHopper(lead, request.form)}`);
  }

  /** Fields that the list does not have are dropped silently. */
  #writeCustomFields(lead: VicidialLead, form: PhpForm): string {
    const fields = Object.entries(this.lists.get(lead.list)?.customFields ?? {});
    const values = `${lead.columns['phone_number']}|${lead.id}|${lead.list}`;
    if (fields.length === 0)
      return `CUSTOM FIELDS NOT ADDED, NO CUSTOM FIELDS DEFINED FOR THIS LIST - ${values}`;
    const stored = fields.map(([label, field]) => {
      const sent = form[label];
      return [label, sent === undefined ? (lead.custom?.[label] ?? '') : asCustomField(sent, field)];
    });
    lead.custom = Object.fromEntries(stored);
    return `CUSTOM FIELDS VALUES ADDED - ${values}`;
  }

  #addToHopper(lead: VicidialLead, form: PhpForm): string {
    const values = `${lead.columns['phone_number']}|${lead.id}`;
    if (form['hopper_local_call_time_check'] === 'Y' && !this.isCallingTime) {
      return `NOT ADDED TO HOPPER, OUTSIDE OF LOCAL TIME - ${values}|0|0|${this.user}`;
    }
    if (this.hopper.some(({ leadId }) => leadId === lead.id)) {
      return `NOT ADDED TO HOPPER, LEAD IS ALREADY IN THE HOPPER - ${values}|${this.user}`;
    }
    this.hopper.push({ leadId: lead.id, priority: form['hopper_priority'] ?? '0', status: 'READY' });
    return `ADDED TO HOPPER - ${values}|1|${this.user}`;
  }

  async #updateLead(request: Request): Promise<void> {
    const { form, lines } = request;
    const { user, lead_id: id } = form;
    await this.#step('check', request);
    const lead = this.#lead(id);
    if (lead === undefined) {
      lines.push(`ERROR: update_lead NO MATCHES FOUND IN THE SYSTEM: |${user}|${id}||`);
      return;
    }
    if (this.forbiddenLists.has(lead.list)) {
      lines.push(`ERROR: update_lead NOT AN ALLOWED LIST ID, RESULTS - ${lead.list}`);
      return;
    }
    await this.#step('row', request);
    lines.push(...this.#updateColumns(lead, form));
    writeLog(form);
    if (form['callback'] === 'REMOVE') {
      const removed = Number(this.callbacks.delete(lead.id));
      lines.push(`NOTICE: update_lead SCHEDULED CALLBACK DELETED - ${user}|${id}|${removed}|${removed}`);
    }
    if (form['custom_fields'] === 'Y') {
      await this.#step('custom', request);
      const isAnyKnown = this.#labels(lead.list).some((label) => Object.hasOwn(form, label));
      const notice = this.#writeCustomFields(lead, form);
      // If the list has custom fields, but none of these, nothing is printed.
      if (isAnyKnown || this.#labels(lead.list).length === 0) {
        lines.push(`NOTICE: update_lead ${notice.replace('VALUES ADDED', 'VALUES UPDATED')}`);
      }
    }
    await this.#writeHopper('update_lead', lead, request);
    if (form['remove_from_hopper'] !== 'Y') return;
    await this.#step('removal', request);
    lines.push(`NOTICE: update_lead ${this.#removeFromHopper(lead)}`);
  }

  #labels(list: string): string[] {
    return Object.keys(this.lists.get(list)?.customFields ?? {});
  }

  #updateColumns(lead: VicidialLead, form: PhpForm): string[] {
    const columns = this.#columns(form);
    const { status, called_count } = form;
    if (status !== undefined) lead.status = status;
    if (called_count !== undefined) lead.calledCount = Number(called_count);
    Object.assign(lead.columns, columns);
    const isUpdated = Object.keys(columns).length > 0 || status !== undefined || called_count !== undefined;
    return isUpdated ? [`SUCCESS: update_lead LEAD HAS BEEN UPDATED - ${this.user}|${lead.id}|1|||`] : [];
  }

  #removeFromHopper(lead: VicidialLead): string {
    const index = this.hopper.findIndex(({ leadId }) => leadId === lead.id);
    if (index === -1) return `NOT REMOVED FROM HOPPER, LEAD IS NOT IN THE HOPPER - |${lead.id}|${this.user}`;
    const status = this.hopper[index]?.status;
    if (status === 'INCALL') return `NOT REMOVED FROM HOPPER - |${lead.id}|INCALL|${this.user}`;
    this.hopper.splice(index, 1);
    return `REMOVED FROM HOPPER - |${lead.id}|${status}|${this.user}`;
  }

  /** Finds the leads with one of several numbers, which PHP compares as numbers. Its header has no separators. */
  #search({ user, phone_number: numbers = '', header }: PhpForm): string {
    const rows = numbers.split(',').map((number) => ({ number, found: this.#withNumber(number) }));
    if (rows.every(({ found }) => found.length === 0)) {
      return `ERROR: lead_search NO MATCHES FOUND IN THE SYSTEM: |${user}|||${numbers}`;
    }
    const lines = rows.map(({ number, found }) => `${number}|${found.length}|${found.join('-')}`);
    return [...(header === 'YES' ? ['search_keyrecords_foundlead_ids'] : []), ...lines].join('\n');
  }

  /** Returns the ids of the leads with a number, newest first. */
  #withNumber(number: string): number[] {
    const found = this.leads.filter(({ columns }) => Number(columns['phone_number']) === Number(number));
    return found.map(({ id }) => id).toReversed();
  }

  #fieldInfo({ user, lead_id: id, field_name: field = '', custom_fields }: PhpForm): string {
    const lead = this.#lead(id);
    if (lead === undefined) return `ERROR: lead_field_info LEAD NOT FOUND: ${user}|${id}`;
    if (this.hiddenLists.has(lead.list))
      return `ERROR: lead_field_info LIST NOT FOUND: ${user}|${id}|${lead.list}`;
    if (custom_fields === 'Y') return this.#customField(lead, field);
    const others: PhpForm = {
      status: lead.status,
      called_count: String(lead.calledCount),
      list_id: lead.list,
    };
    return { ...lead.columns, ...others }[field] ?? '';
  }

  /** A column's name is read in any case. A column that does not exist is a failure of the database. */
  #customField({ list, custom = {} }: VicidialLead, field: string): string {
    const label = this.#labels(list).find((each) => each.toLowerCase() === field.toLowerCase());
    if (label === undefined) throw new Error(`There is no column ${field}.`);
    return custom[label] ?? '';
  }

  #listCustomFields({ list_id: id = '' }: PhpForm): string {
    const list = this.lists.get(id);
    if (this.forbiddenLists.has(id)) return `ERROR: list_custom_fields NOT AN ALLOWED LIST ID - ${id}`;
    if (list === undefined) return `ERROR: list_custom_fields LIST DOES NOT EXIST - ${id}`;
    const labels = Object.keys(list.customFields).join(' ');
    const active = this.inactiveLists.has(id) ? 'N' : 'Y';
    return `${id}|list ${id}|${list.campaign}|${active}|2026-11-01 09:00:00|2026-11-01 10:00:00|${labels}`;
  }

  #lead(id: string | undefined): VicidialLead | undefined {
    return this.leads.find((lead) => String(lead.id) === id);
  }
}
