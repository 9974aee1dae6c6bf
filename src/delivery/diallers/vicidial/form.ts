import { type ParsePhone, phoneDigits } from '../../../leads/phone.ts';
import { type SubmittedFields, submittedFields } from '../../../leads/submitted-fields.ts';
import type { ClaimedLead } from '../../../store/delivery.ts';
import { type ListSettings, maxHopperPriority } from './lists.ts';
import { columnOf, customFieldName, isApiParameter, isLikeColumn } from './parameters.ts';
import type { VicidialSettings } from './settings.ts';
import { commentText, customFieldText, emailComment, isKeptAsEmail, losesMarks, nameText } from './text.ts';

/** A lead as parameters of VICIdial's API. */
export interface LeadForm {
  /** Parameters that decide whether and where add_lead adds the lead. */
  routing: Record<string, string>;
  /** Standard columns of the lead, without `comments`. */
  columns: Record<string, string>;
  /** Custom fields by their label. */
  customFields: Map<string, CustomField>;
  /** Parameters that put the lead into the hopper; empty: VICIdial decides when. */
  hopper: Record<string, string>;
  /** Everything without a field, with labels. */
  comments: string[];
}

/** The value of a custom field, and the member of `data` that it comes from. */
export interface CustomField {
  member: string;
  value: string;
}

/** Decides whether a custom field of the list can hold a value. */
export type AcceptsField = (field: string, value: string) => boolean;

/** Maximum lengths of columns (characters). */
const maxLengths = { first_name: 30, last_name: 30, alt_phone: 12, comments: 255, source_id: 50 };

/** Maximum number of custom fields: PHP drops the members of a form after the thousandth. */
const maxCustomFields = 900;

/**
 * Maps a lead to VICIdial's fields. Values without a suitable field are added to the comments with a label.
 *
 * @returns undefined: the configured form of numbers has none for a number of another country
 */
export function leadForm(
  lead: ClaimedLead,
  list: ListSettings,
  settings: VicidialSettings,
  { parsePhone, accepts }: { parsePhone: ParsePhone; accepts: AcceptsField },
): LeadForm | undefined {
  const number = phoneDigits(lead.mobile, settings.numberForm);
  // A national number of another country would be called as one of this country.
  if (settings.numberForm === 'national' && parsePhone(number.digits) !== lead.mobile) return undefined;
  const submitted = submittedFields(lead.content);
  const builder = new FormBuilder(settings);
  builder.setColumn('phone_number', number.digits);
  builder.setColumn('phone_code', number.countryCode);
  builder.setColumn('vendor_lead_code', lead.id);
  builder.setColumn(
    'source_id',
    list.sourceId ?? nameText(lead.partner, 'latin').slice(0, maxLengths.source_id),
  );
  builder.addPerson(submitted);
  const otherNumber = submitted.otherPhone === undefined ? undefined : parsePhone(submitted.otherPhone);
  if (otherNumber !== undefined) builder.addOtherNumber(otherNumber, number.countryCode);
  for (const [member, value] of flatten('', submitted.data ?? null)) {
    builder.addMember(member, value, list, accepts);
  }
  if (submitted.postcode !== undefined) builder.addPostcode(submitted.postcode);
  return {
    ...builder.form,
    routing: routingOf(list, settings, builder.form.columns),
    hopper: hopperOf(list, lead),
  };
}

/** Returns the comments of a lead, and whether they are too long for the column. */
export function commentsOf({ comments }: LeadForm): { text: string; isTruncated: boolean } {
  const text = comments.join(', ');
  return { text: text.slice(0, maxLengths.comments), isTruncated: text.length > maxLengths.comments };
}

/** Returns the parameters of a lead's custom fields. */
export function customFieldParameters({ customFields }: LeadForm): Record<string, string> {
  if (customFields.size === 0) return {};
  const values = [...customFields].map(([label, { value }]) => [label, value]);
  return { custom_fields: 'Y', ...Object.fromEntries(values) };
}

function routingOf(
  { list, campaign, duplicateCheck }: ListSettings,
  { duplicateCheck: defaultCheck }: VicidialSettings,
  { phone_code, postal_code }: Record<string, string>,
): Record<string, string> {
  return {
    list_id: list,
    duplicate_check: duplicateCheck ?? defaultCheck,
    list_exists_check: 'Y',
    dnc_check: 'Y',
    ...(campaign !== undefined && { campaign_dnc_check: 'Y', campaign_id: campaign }),
    // VICIdial knows the time zones of the postcodes of North America only.
    ...(phone_code === '1' && postal_code !== undefined && { tz_method: 'POSTAL' }),
  };
}

/** Without these checks, the hopper bypasses the campaign's calling hours. */
function hopperOf({ hopperPriority }: ListSettings, { priority }: ClaimedLead): Record<string, string> {
  if (hopperPriority === undefined) return {};
  return {
    add_to_hopper: 'Y',
    hopper_priority: String(Math.min(maxHopperPriority, hopperPriority + priority)),
    hopper_local_call_time_check: 'Y',
  };
}

/** Collects the fields and comments of a lead. */
class FormBuilder {
  readonly form: Omit<LeadForm, 'routing' | 'hopper'> = {
    columns: {},
    customFields: new Map(),
    comments: [],
  };
  readonly #settings: VicidialSettings;

  constructor(settings: VicidialSettings) {
    this.#settings = settings;
  }

  setColumn(name: string, value: string): void {
    this.form.columns[name] = value;
  }

  addPerson({ email, firstName, surname, subtype }: SubmittedFields): void {
    this.#addName('first_name', 'first name', firstName);
    this.#addName('last_name', 'surname', surname);
    if (isKeptAsEmail(email)) this.setColumn('email', email);
    else this.form.comments.push(`e-mail: ${emailComment(email)}`);
    if (subtype !== undefined) this.#addComment('subtype', subtype);
  }

  /** Adds a name. If the column cannot hold it in full, the comments do. */
  #addName(column: 'first_name' | 'last_name', label: string, text: string): void {
    const { letters } = this.#settings;
    const name = nameText(text, letters);
    this.setColumn(column, name.slice(0, maxLengths[column]).trimEnd());
    if (name.length > maxLengths[column] || losesMarks(text, letters)) this.#addComment(label, text);
  }

  /** Adds another number of the person. VICIdial would dial it with the country code of the first. */
  addOtherNumber(e164: string, mainCountryCode: string): void {
    const { countryCode, digits } = phoneDigits(e164, this.#settings.numberForm);
    const isForeign = countryCode !== mainCountryCode;
    if (!isForeign && digits.length <= maxLengths.alt_phone) this.setColumn('alt_phone', digits);
    else this.#addComment('other phone', isForeign ? e164 : digits);
  }

  /** Adds a member of `data` to its field. If it has none, or the field cannot hold it, it is added to the comments. */
  addMember(member: string, text: string, list: ListSettings, accepts: AcceptsField): void {
    if (text.trim() === '') return;
    const field = fieldOf(member, list);
    const isPlaced =
      field !== undefined && !this.#isTaken(field) && this.#place(field, member, text, accepts);
    if (!isPlaced) this.#addComment(member, text);
  }

  /** Adds the person's postcode, unless `data` contains the same. */
  addPostcode(text: string): void {
    const { postal_code: stored } = this.form.columns;
    const value = columnOf('postal_code')?.fit(nameText(text, this.#settings.letters));
    if (value !== undefined && stored === undefined) this.setColumn('postal_code', value);
    else if (value === undefined || value !== stored) this.#addComment('postcode', text);
  }

  /** Adds a value to a standard column or custom field. Returns whether that can hold it. */
  #place(field: string, member: string, text: string, accepts: AcceptsField): boolean {
    const { letters } = this.#settings;
    const column = columnOf(field);
    if (column !== undefined) {
      const value = losesMarks(text, letters) ? undefined : column.fit(nameText(text, letters));
      if (value !== undefined) this.setColumn(field, value);
      return value !== undefined;
    }
    const value = customFieldText(text, letters);
    const canHold = this.form.customFields.size < maxCustomFields && accepts(field, value);
    if (canHold) this.form.customFields.set(field, { member, value });
    return canHold;
  }

  #isTaken(field: string): boolean {
    return Object.hasOwn(this.form.columns, field) || this.form.customFields.has(field);
  }

  #addComment(label: string, text: string): void {
    const { letters } = this.#settings;
    this.form.comments.push(`${commentText(label, letters)}: ${commentText(text, letters)}`);
  }
}

/** Returns the custom field or standard column of a member of `data`; undefined: it has none. */
function fieldOf(member: string, { customFields }: ListSettings): string | undefined {
  if (customFields !== undefined)
    return Object.hasOwn(customFields, member) ? customFields[member] : undefined;
  const column = columnOf(member);
  if (column !== undefined) return column.isDefault ? member : undefined;
  const isCustomField = customFieldName.test(member) && !isApiParameter(member) && !isLikeColumn(member);
  return isCustomField ? member : undefined;
}

/**
 * Flattens JSON to names and texts. Nested names are joined by `_`, lists of plain values by commas, and the items of
 * other lists are numbered from 0.
 */
function flatten(name: string, value: unknown): [name: string, value: string][] {
  if (value === null) return [];
  if (typeof value !== 'object') return [[name || 'data', String(value)]];
  if (Array.isArray(value) && value.every((each) => typeof each !== 'object')) {
    return [[name || 'data', value.join(', ')]];
  }
  return Object.entries(value).flatMap(([member, inner]) =>
    flatten(name ? `${name}_${member}` : member, inner),
  );
}
