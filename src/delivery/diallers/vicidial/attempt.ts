import type { ClaimedLead } from '../../../store/delivery.ts';
import type { AttemptContext, DeliveryResult, DiallerPause } from '../../dialler.ts';
import type { VicidialApi } from './api.ts';
import type { CustomFieldChecks } from './custom-field-checks.ts';
import { commentsOf, customFieldParameters, type LeadForm } from './form.ts';
import type { ListSettings } from './lists.ts';
import { Lookup } from './lookup.ts';
import { RequestFailed } from './request-failed.ts';
import {
  type AddResult,
  addResult,
  isListError,
  isLoginPause,
  isLoss,
  type Line,
  listRefusal,
  notFromVicidial,
  parseLines,
} from './response.ts';
import type { VicidialSettings } from './settings.ts';

/** A lead of VICIdial. */
interface VicidialLead {
  id: string;
  list: string;
}

/** Maximum number of custom fields of a lead that are read back, each with a request. */
const maxChecked = 30;

/** Status of a lead that nobody has called yet. */
const uncalled = 'NEW';

/** Statuses of leads that must not be called: on a do-not-call list. */
const doNotCall = /^DNC/;

/** Values of columns that VICIdial dials or mails, if the lead has none: the value that VICIdial has must not remain. */
const noOldValues = { alt_phone: '--BLANK--', email: '--BLANK--' };

/** What an attempt needs. */
export interface AttemptOptions {
  api: VicidialApi;
  checks: CustomFieldChecks;
  settings: VicidialSettings;
  lead: ClaimedLead;
  list: ListSettings;
  form: LeadForm;
  signal: AbortSignal;
  context: AttemptContext;
}

/**
 * One attempt to deliver a lead to VICIdial.
 *
 * - If VICIdial has the lead from an earlier attempt, it only completes the lead.
 * - Otherwise it adds the lead. If VICIdial has the number already, its `vendor_lead_code` decides: the lead itself is
 *   completed, an earlier lead of the same person and type is called again, and any other lead is not touched.
 */
export class Attempt {
  readonly #options: AttemptOptions;
  readonly #lookup: Lookup;
  /** What the lead lacks in VICIdial. */
  readonly #missing: string[] = [];
  /** Set if a login has failed after the lead was added. */
  #pause: DiallerPause | undefined;

  constructor(options: AttemptOptions) {
    this.#options = options;
    this.#lookup = new Lookup(options.api, options.signal);
  }

  async run(): Promise<DeliveryResult> {
    try {
      const [oldest] = this.#options.context.found;
      return oldest === undefined ? await this.#add() : await this.#complete(oldest);
    } catch (error) {
      if (error instanceof RequestFailed) return error.result;
      throw error;
    }
  }

  async #add(): Promise<DeliveryResult> {
    const { form, list } = this.#options;
    const { routing, columns, hopper } = form;
    const parameters = { ...routing, ...columns, ...hopper, ...this.#data() };
    const { lines, hasFailed } = await this.#addLead(parameters);
    const result = addResult(lines, list.list);
    if (result.kind === 'refused') return result.result;
    if (result.kind === 'duplicate') return this.#resolveDuplicate(result);
    if (hasFailed || lines.some(isUnsupported)) return this.#finish(result, lines);
    const isConfirmed = parameters['custom_fields'] === undefined || lines.some(isAboutCustomFields);
    if (!isConfirmed) throw interrupted(result, 'custom fields');
    confirmHopper(result, parameters, lines);
    await this.#checkCustomFields(result);
    return this.#delivered(result, lines);
  }

  /** Returns what VICIdial printed, and whether its script failed after it had added the lead. */
  async #addLead(
    parameters: Record<string, string>,
  ): Promise<{ lines: readonly Line[]; hasFailed: boolean }> {
    try {
      const { text, lines } = await this.#call('add_lead', parameters);
      return { lines, hasFailed: isPhpError(text) && lines.some(isAdded) };
    } catch (error) {
      const lines = error instanceof RequestFailed ? parseLines(error.printed) : [];
      if (!lines.some(isAdded)) throw error;
      return { lines, hasFailed: true };
    }
  }

  /**
   * Takes the steps that add_lead has not taken. Versions from May 2020 to November 2024 add no custom fields, because
   * their statement is invalid: depending on the version of PHP, the script ends there, or prints a notice.
   */
  async #finish(added: VicidialLead, addLines: readonly Line[]): Promise<DeliveryResult> {
    const { form } = this.#options;
    const hopper = addLines.some(isAboutHopper) ? {} : form.hopper;
    const lines = await this.#update(added, { ...customFieldParameters(form), ...hopper });
    await this.#checkCustomFields(added, lines.some(isAboutCustomFields) ? 'new' : 'all');
    return this.#delivered(added, [...addLines.filter((line) => !isUnsupported(line)), ...lines]);
  }

  /** Decides what a duplicate is by the `vendor_lead_code` of the lead that VICIdial has. */
  async #resolveDuplicate({ message, id, list }: AddResult & { kind: 'duplicate' }): Promise<DeliveryResult> {
    const { lead, context } = this.#options;
    const code = id === undefined ? undefined : await this.#lookup.field(id, 'vendor_lead_code');
    if (id !== undefined && code === lead.id) return this.#complete(id);
    if (id !== undefined && code && (await context.earlierLeads()).some((each) => each === code)) {
      return this.#callAgain({ id, list });
    }
    const where = `list ${list} has the number as lead ${id ?? '?'}, which is not from this server, or was erased or pruned here`;
    return { outcome: 'rejected', response: `${message}: ${where}`, isFinal: true };
  }

  /**
   * Completes a lead that an earlier attempt added, possibly without its custom fields or its place in the hopper. A
   * lead that was called meanwhile is not put into the hopper again.
   */
  async #complete(id: string): Promise<DeliveryResult> {
    const { form } = this.#options;
    const found = { id, list: (await this.#lookup.field(id, 'list_id')) || this.#options.list.list };
    const status = await this.#lookup.field(id, 'status');
    const { alt_phone } = { ...noOldValues, ...form.columns };
    const hopper = status === uncalled ? { ...form.hopper, alt_phone } : {};
    const lines = await this.#update(found, { ...customFieldParameters(form), ...hopper });
    await this.#checkCustomFields(found, 'all');
    const delivered = this.#delivered(found, lines);
    return { ...delivered, response: `${delivered.response}; added by an earlier attempt` };
  }

  /** Calls the person of an earlier lead again: VICIdial refuses a second lead with the number. */
  async #callAgain(found: VicidialLead): Promise<DeliveryResult> {
    const { form } = this.#options;
    const status = (await this.#lookup.field(found.id, 'status')) ?? '';
    if (doNotCall.test(status)) {
      const response = `lead ${found.id} of list ${found.list} has the status ${status}: the person must not be called`;
      return { outcome: 'rejected', response, isFinal: true };
    }
    const { phone_number: _, ...columns } = form.columns;
    const reset = { status: uncalled, reset_lead: 'Y', called_count: '0' };
    const lines = await this.#update(found, {
      ...noOldValues,
      ...columns,
      ...reset,
      ...this.#data(),
      ...form.hopper,
    });
    await this.#checkCustomFields(found, 'all');
    const delivered = this.#delivered(found, lines);
    return {
      ...delivered,
      response: `${delivered.response}; contacted before, and reset to be called again`,
    };
  }

  /** Updates a lead. The `vendor_lead_code` makes VICIdial confirm it, whatever the other parameters are. */
  async #update(found: VicidialLead, others: Record<string, string>): Promise<readonly Line[]> {
    const { id, list } = found;
    const parameters = { vendor_lead_code: this.#options.lead.id, ...others };
    const { lines } = await this.#call('update_lead', {
      search_method: 'LEAD_ID',
      lead_id: id,
      ...parameters,
    });
    const hasSucceeded = lines.some(
      ({ kind, message }) => kind === 'SUCCESS' && message.startsWith('update_lead '),
    );
    if (hasSucceeded) {
      confirmHopper(found, parameters, lines);
      return lines;
    }
    const error = lines.find(({ kind }) => kind === 'ERROR')?.message;
    if (error !== undefined && isListError(error)) throw new RequestFailed(listRefusal(error, list));
    const response = `lead ${id} of list ${list} is incomplete: ${error ?? notFromVicidial}`;
    throw new RequestFailed({ outcome: 'unknown', response });
  }

  /** Returns the parameters of everything without a standard column. */
  #data(): Record<string, string> {
    const { form } = this.#options;
    const { text } = commentsOf(form);
    return { ...(text !== '' && { comments: text }), ...customFieldParameters(form) };
  }

  /**
   * Reads custom fields back that are not known to store such a value, and adds to the comments what they lost. If that
   * fails, the lead is delivered nevertheless.
   *
   * @param which `all`: VICIdial has not confirmed that it has stored any of them
   */
  async #checkCustomFields({ id, list }: VicidialLead, which: 'new' | 'all' = 'new'): Promise<void> {
    const { form, checks } = this.#options;
    const unchecked = [...form.customFields].filter(
      ([field, { value }]) => which === 'all' || !checks.isChecked(list, field, value),
    );
    const lost: string[] = [];
    try {
      for (const [field, { member, value }] of unchecked.slice(0, maxChecked)) {
        const stored = await this.#lookup.customField(id, field);
        if (checks.record(list, field, value, stored)) continue;
        form.comments.push(`${member}: ${value}`);
        lost.push(field);
      }
      if (unchecked.length > maxChecked)
        this.#missing.push(`${unchecked.length - maxChecked} custom fields not checked`);
      if (lost.length > 0) await this.#update({ id, list }, { comments: commentsOf(form).text });
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      this.#missing.push(`custom fields not checked (${error.result.response})`);
      if (isLoginPause(error.result.pause)) this.#pause = error.result.pause;
    }
    if (lost.length > 0)
      this.#missing.push(
        `custom fields of list ${list} that lost their values (see the comments): ${lost.join(', ')}`,
      );
  }

  #delivered({ id, list }: VicidialLead, lines: readonly Line[]): DeliveryResult {
    const notices = lines.filter(({ kind }) => kind === 'NOTICE').map(({ message }) => message);
    if (commentsOf(this.#options.form).isTruncated) this.#missing.push('truncated: comments');
    const isIncomplete = this.#missing.length > 0 || lines.some(isLoss);
    return {
      outcome: 'delivered',
      response: [`lead ${id} of list ${list}`, ...notices, ...this.#missing].join('; '),
      ...(isIncomplete && { incomplete: true }),
      ...(this.#pause !== undefined && { pause: this.#pause }),
    };
  }

  #call(name: 'add_lead' | 'update_lead', parameters: Record<string, string>) {
    const { api, signal } = this.#options;
    return api.call(name, parameters, signal);
  }
}

function isAdded({ kind, message }: Line): boolean {
  return kind === 'SUCCESS' && message.startsWith('add_lead ');
}

/** Whether add_lead could not add custom fields that the list has. */
function isUnsupported({ kind, message }: Line): boolean {
  return kind === 'NOTICE' && /CUSTOM FIELDS NOT ADDED, NO FIELDS TO \w+ DEFINED/.test(message);
}

/** Whether PHP has displayed the error that ended the script. */
function isPhpError(text: string): boolean {
  return /Fatal error(<\/b>)?: +Uncaught/.test(text);
}

function isAboutHopper({ kind, message }: Line): boolean {
  return kind === 'NOTICE' && message.includes('HOPPER');
}

function isAboutCustomFields({ kind, message }: Line): boolean {
  return kind === 'NOTICE' && message.includes('CUSTOM FIELDS');
}

/** @throws {RequestFailed} if a lead should be in the hopper, and the response does not say whether it is */
function confirmHopper(lead: VicidialLead, parameters: Record<string, string>, lines: readonly Line[]): void {
  if (parameters['add_to_hopper'] === 'Y' && !lines.some(isAboutHopper))
    throw interrupted(lead, 'place in the hopper');
}

/** A script that was killed after it had added a lead: the lead must be completed once it can no longer be running. */
function interrupted({ id, list }: VicidialLead, what: string): RequestFailed {
  const response = `lead ${id} of list ${list} was added, but the response ended before its ${what}`;
  return new RequestFailed({ outcome: 'unknown', response });
}
