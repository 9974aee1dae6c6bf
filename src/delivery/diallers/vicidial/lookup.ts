import { RequestFailed, type VicidialApi } from './api.ts';
import { typePause } from './response.ts';

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

  /** Returns the ids of VICIdial's leads with a number, newest first. @throws {RequestFailed} */
  async leadsWith(phoneNumber: string): Promise<string[]> {
    const parameters = { phone_number: phoneNumber, header: 'YES' };
    const { text, lines } = await this.#read('lead_search', parameters);
    // The header has no separators, so the row is found by its form.
    const [, ids] = /^\s*\d+\|\d+\|(\d+(?:-\d+)*)\s*$/m.exec(text) ?? [];
    if (ids !== undefined) return ids.split('-').slice(0, maxLeads);
    const error = lines.find(({ kind }) => kind === 'ERROR');
    if (error !== undefined && /NO MATCHES FOUND/.test(error.message)) return [];
    throw lookupFailed(error?.message ?? 'the response of lead_search is not from VICIdial’s API');
  }

  /** Returns the ids of VICIdial's leads with a number that have a `vendor_lead_code`. @throws {RequestFailed} */
  async leadsOf(phoneNumber: string, vendorLeadCode: string): Promise<string[]> {
    const found: string[] = [];
    for (const id of await this.leadsWith(phoneNumber)) {
      if ((await this.field(id, 'vendor_lead_code')) === vendorLeadCode) found.push(id);
    }
    return found;
  }

  /** Returns the value of a lead's standard column; empty: it has none. @throws {RequestFailed} */
  field(leadId: string, name: string): Promise<string> {
    return this.#value({ lead_id: leadId, field_name: name });
  }

  /**
   * Returns the value of a lead's custom field; empty: it has none, or the list has no such field.
   *
   * @throws {RequestFailed}
   */
  async customField(leadId: string, name: string): Promise<string> {
    try {
      return await this.#value({ lead_id: leadId, field_name: name, custom_fields: 'Y' });
    } catch (error) {
      // VICIdial's database fails if there is no such column or table.
      if (error instanceof RequestFailed && /HTTP 500/.test(error.result.response)) return '';
      throw error;
    }
  }

  async #value(parameters: Record<string, string>): Promise<string> {
    const { text, lines } = await this.#read('lead_field_info', parameters);
    if (lines.some(({ kind }) => kind === 'ERROR')) return '';
    return (
      text
        .split(/\r?\n/)
        .findLast((line) => line.trim() !== '' && !isPhpOutput(line))
        ?.trim() ?? ''
    );
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

function lookupFailed(reason: string): RequestFailed {
  return new RequestFailed({ outcome: 'unavailable', response: `not sent: ${reason}` });
}

/** Nothing was added. If the user may not look leads up, only the leads that need it have to wait. */
function asLookupFailure(name: string, { result }: RequestFailed): RequestFailed {
  const { pause, ...others } = result;
  const response = `not sent: ${name} failed (${result.response})`;
  if (pause === undefined || !/PERMISSION/.test(result.response)) {
    return new RequestFailed({ ...result, outcome: 'unavailable', response });
  }
  return new RequestFailed({
    ...others,
    outcome: 'unavailable',
    response,
    pause: typePause(`${pause.reason} (${name})`),
  });
}
