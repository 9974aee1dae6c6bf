import type { ApiResponse, VicidialApi } from './api.ts';
import { RequestFailed } from './request-failed.ts';
import { limitPause } from './response.ts';

/** Maximum number of leads with one number that are looked up, newest first. */
const maxLeads = 100;

/** Reads leads in VICIdial. A look-up adds nothing, so one that fails leaves VICIdial as it was. */
export class Lookup {
  readonly #api: VicidialApi;
  readonly #signal: AbortSignal;

  constructor(api: VicidialApi, signal: AbortSignal) {
    this.#api = api;
    this.#signal = signal;
  }

  /**
   * Returns the ids of VICIdial's leads with one of these numbers, newest first.
   *
   * @param phoneNumbers forms of a person's number, each as it may be stored there
   * @throws {RequestFailed}
   */
  async leadsWith(phoneNumbers: readonly string[]): Promise<string[]> {
    const parameters = { phone_number: phoneNumbers.join(','), header: 'YES' };
    const { text, lines } = await this.#read('lead_search', parameters);
    // The header has no separators, so the rows are found by their form. A number without leads has no ids.
    const rows = [...text.matchAll(/^\s*\d+\|\d+\|((?:\d+(?:-\d+)*)?)\s*$/gm)];
    if (rows.length > 0) {
      // VICIdial compares 07840 and 7840 as equal numbers, and lists a lead under each.
      const ids = new Set(rows.flatMap(([, each = '']) => each.split('-').filter(Boolean)));
      return [...ids].toSorted((one, other) => Number(other) - Number(one)).slice(0, maxLeads);
    }
    const error = lines.find(({ kind }) => kind === 'ERROR');
    if (error !== undefined && /NO MATCHES FOUND/.test(error.message)) return [];
    throw lookupFailed(error?.message ?? 'the response of lead_search is not from VICIdial’s API');
  }

  /**
   * Returns the ids of VICIdial's leads with a `vendor_lead_code` and one of these numbers, oldest first.
   *
   * @throws {RequestFailed}
   */
  async leadsOf(phoneNumbers: readonly string[], vendorLeadCode: string): Promise<string[]> {
    const found: string[] = [];
    for (const id of await this.leadsWith(phoneNumbers)) {
      if ((await this.field(id, 'vendor_lead_code')) === vendorLeadCode) found.push(id);
    }
    return found.toReversed();
  }

  /**
   * Returns the value of a lead's standard column, which may be empty. Undefined: there is no such lead.
   *
   * @throws {RequestFailed} also if the user may not read the lead, such as one of a list that was deleted
   */
  async field(leadId: string, name: string): Promise<string | undefined> {
    const { text, error } = await this.#info({ lead_id: leadId, field_name: name });
    if (error === undefined) return text;
    if (/LEAD NOT FOUND/.test(error)) return undefined;
    throw lookupFailed(`${error} (lead ${leadId} of VICIdial, whose list the user may not read)`);
  }

  /**
   * Returns the value of a lead's custom field; empty: it has none, or the list has no such field.
   *
   * @throws {RequestFailed}
   */
  async customField(leadId: string, name: string): Promise<string> {
    try {
      const { text, error } = await this.#info({ lead_id: leadId, field_name: name, custom_fields: 'Y' });
      return error === undefined ? text : '';
    } catch (error) {
      // VICIdial's database fails if there is no such column or table.
      if (error instanceof RequestFailed && /HTTP 500/.test(error.result.response)) return '';
      throw error;
    }
  }

  /** Returns the value of a field, or the error of VICIdial. */
  async #info(parameters: Record<string, string>): Promise<{ text: string; error?: string }> {
    const { text, lines } = await this.#readInfo(parameters);
    const error = lines.find(({ kind }) => kind === 'ERROR');
    if (error !== undefined) return { text: '', error: error.message };
    const value = text.split(/\r?\n/).findLast((line) => line.trim() !== '' && !isPhpOutput(line));
    return { text: value?.trim() ?? '' };
  }

  /** VICIdial prints a value, and then fails to write it into its log if it contains an apostrophe. */
  async #readInfo(parameters: Record<string, string>): Promise<ApiResponse> {
    try {
      return await this.#read('lead_field_info', parameters);
    } catch (error) {
      const text = error instanceof RequestFailed ? error.printed : '';
      if (!text.includes("'") || isHtml(text)) throw error;
      return { text, lines: [] };
    }
  }

  async #read(...[name, parameters]: [Parameters<VicidialApi['call']>[0], Record<string, string>]) {
    try {
      return await this.#api.call(name, parameters, this.#signal);
    } catch (error) {
      if (error instanceof RequestFailed) throw asLookupFailure(name, error);
      throw error;
    }
  }
}

/** Returns whether a line is a warning of PHP. */
function isPhpOutput(line: string): boolean {
  return /^\s*(<br|<b>|(PHP )?(Warning|Notice|Deprecated|Fatal error)\b)/i.test(line);
}

/** Returns whether a response is the error page of a web server. */
function isHtml(text: string): boolean {
  return /^\s*<(!doctype|html)/i.test(text);
}

function lookupFailed(reason: string): RequestFailed {
  return new RequestFailed({ outcome: 'unavailable', response: `not sent: ${reason}` });
}

/** Nothing was added. */
function asLookupFailure(name: string, { result, printed }: RequestFailed): RequestFailed {
  const response = `not sent: ${name} failed (${result.response})`;
  return new RequestFailed({ ...limitPause(name, result), outcome: 'unavailable', response }, printed);
}
