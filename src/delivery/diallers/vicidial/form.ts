import { type ParsePhone, phoneDigits } from '../../../leads/phone.ts';
import { type SubmittedFields, submittedFields } from '../../../leads/submitted-fields.ts';
import type { ClaimedLead } from '../../../store/store.ts';
import { sanitise } from './sanitise.ts';
import {
  customFieldName,
  isOwnParameter,
  isStandardField,
  type ListSettings,
  type VicidialSettings,
} from './settings.ts';

/** A lead as parameters of add_lead. */
export interface LeadForm {
  fields: Record<string, string>;
  /** Whether some data is missing because the comments are too long. */
  hasTruncatedComments: boolean;
}

/** Maximum lengths of add_lead's fields (characters). */
const maxLengths = { first_name: 30, last_name: 30, email: 70, alt_phone: 12, comments: 255, source_id: 50 };

/** Maps a lead to VICIdial's fields. Values without a suitable field are appended to `comments` with a label. */
export function leadForm(
  lead: ClaimedLead,
  list: ListSettings,
  settings: VicidialSettings,
  parsePhone: ParsePhone,
): LeadForm {
  const submitted = submittedFields(lead.content);
  const builder = new FormBuilder(settings.letters);
  addRouting(builder, lead, list, settings);
  addPerson(builder, submitted, settings, parsePhone);
  for (const [name, value] of flatten('', submitted.data ?? null)) {
    builder.addCustomField(customFieldOf(name, list), name, value);
  }
  return builder.build();
}

/** Adds the fields that select the list and identify the lead. */
function addRouting(
  builder: FormBuilder,
  lead: ClaimedLead,
  list: ListSettings,
  settings: VicidialSettings,
): void {
  const { countryCode, digits } = phoneDigits(lead.mobile, settings.numberForm);
  Object.assign(builder.fields, {
    phone_number: digits,
    phone_code: countryCode,
    list_id: list.list,
    vendor_lead_code: lead.id,
    source_id: builder.sanitise(lead.partner).slice(0, maxLengths.source_id),
    duplicate_check: settings.duplicateCheck,
    list_exists_check: 'Y',
    dnc_check: 'Y',
  });
  if (list.hopperPriority === undefined) return;
  builder.fields['add_to_hopper'] = 'Y';
  builder.fields['hopper_priority'] = String(list.hopperPriority);
}

/** Adds the fields that describe the person. */
function addPerson(
  builder: FormBuilder,
  { email, firstName, surname, subtype, otherPhone }: SubmittedFields,
  { numberForm }: VicidialSettings,
  parsePhone: ParsePhone,
): void {
  builder.addName('first_name', 'first name', firstName);
  builder.addName('last_name', 'surname', surname);
  if (builder.sanitise(email) === email && email.length <= maxLengths.email) builder.fields['email'] = email;
  else builder.addComment('e-mail', email);
  if (subtype !== undefined) builder.addComment('subtype', subtype);
  const otherNumber = otherPhone === undefined ? undefined : parsePhone(otherPhone);
  if (otherNumber === undefined) return;
  const { digits } = phoneDigits(otherNumber, numberForm);
  if (digits.length <= maxLengths.alt_phone) builder.fields['alt_phone'] = digits;
  else builder.addComment('other phone', digits);
}

/** Collects the fields and comments of a lead. */
class FormBuilder {
  readonly fields: Record<string, string> = {};
  readonly #comments: string[] = [];
  readonly #letters: VicidialSettings['letters'];

  constructor(letters: VicidialSettings['letters']) {
    this.#letters = letters;
  }

  sanitise(text: string): string {
    return sanitise(text, this.#letters);
  }

  /** Adds a name. If it is too long, it is cut off, and added to the comments in full. */
  addName(field: 'first_name' | 'last_name', label: string, text: string): void {
    const name = this.sanitise(text);
    this.fields[field] = name.slice(0, maxLengths[field]).trimEnd();
    if (name.length > maxLengths[field]) this.addComment(label, name);
  }

  /** Adds a value to a custom field, or to the comments under `name` if `field` is undefined. */
  addCustomField(field: string | undefined, name: string, value: string): void {
    if (field === undefined) {
      this.addComment(this.sanitise(name), value);
      return;
    }
    this.fields['custom_fields'] = 'Y';
    this.fields[field] = this.sanitise(value);
  }

  addComment(label: string, text: string): void {
    this.#comments.push(`${label}: ${this.sanitise(text)}`);
  }

  build(): LeadForm {
    const comments = this.#comments.join(', ');
    if (comments !== '') this.fields['comments'] = comments.slice(0, maxLengths.comments);
    return { fields: this.fields, hasTruncatedComments: comments.length > maxLengths.comments };
  }
}

/** Returns the custom field of a member of `data`; undefined: it has none. */
function customFieldOf(member: string, { customFields }: ListSettings): string | undefined {
  if (customFields !== undefined)
    return Object.hasOwn(customFields, member) ? customFields[member] : undefined;
  return customFieldName.test(member) && !isOwnParameter(member) && !isStandardField(member)
    ? member
    : undefined;
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
