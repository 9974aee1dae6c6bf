import type { components } from '../../../../generated/openapi.ts';
import { type ParsePhone, phoneDigits } from '../../../leads/phone.ts';
import type { ClaimedLead } from '../../../store/store.ts';
import { customFieldName, type ListSettings, type VicidialSettings } from './settings.ts';
import { plainText } from './text.ts';

/** A lead as add_lead takes it. */
export interface LeadForm {
  fields: Record<string, string>;
  /** The fields that could not be sent whole; the rest of them is nowhere. */
  incompleteRequest: string[];
}

/** How many characters each field of add_lead holds. */
const lengths = { first_name: 30, last_name: 30, email: 70, alt_phone: 12, comments: 255, source_id: 50 };

/**
 * What add_lead understands: no member of `data` may come under such a name, since it would change
 * where the lead goes and who sends it rather than describe the person.
 */
const reserved = new Set(
  `source user pass function format phone_number phone_code list_id dnc_check campaign_dnc_check campaign_id
  add_to_hopper hopper_priority hopper_local_call_time_check duplicate_check usacan_prefix_check
  usacan_areacode_check nanpa_ac_prefix_check custom_fields tz_method callback callback_status
  callback_datetime callback_type callback_user callback_comments lookup_state list_exists_check
  vendor_lead_code source_id gmt_offset_now title first_name middle_initial last_name address1 address2
  address3 city state province postal_code country_code gender date_of_birth alt_phone email
  security_phrase comments multi_alt_phones rank owner entry_list_id status lead_id stage value db
  agent_user user_field`.split(/\s+/),
);

/**
 * Puts a lead into VICIdial's fields. What has no field of its own, or would be mangled there, is said
 * in words in `comments`.
 */
export function leadForm(
  lead: ClaimedLead,
  list: ListSettings,
  settings: VicidialSettings,
  parsePhone: ParsePhone,
): LeadForm {
  // The cast: only a body that kept this schema was accepted as a lead.
  const submitted = JSON.parse(lead.content) as components['schemas']['NewLead'];
  const plain = (text: string) => plainText(text, settings.letters);
  const { countryCode, digits } = phoneDigits(lead.mobile, settings.numberForm);
  const fields: Record<string, string> = {
    phone_number: digits,
    phone_code: countryCode,
    list_id: list.list,
    vendor_lead_code: lead.id,
    source_id: plain(lead.partner).slice(0, lengths.source_id),
    duplicate_check: settings.duplicateCheck,
    list_exists_check: 'Y',
    dnc_check: 'Y',
  };
  const comments: string[] = [];
  const put = (field: 'first_name' | 'last_name', label: string, text: string) => {
    const value = plain(text);
    fields[field] = value.slice(0, lengths[field]).trimEnd();
    if (value.length > lengths[field]) comments.push(`${label}: ${value}`);
  };
  put('first_name', 'first name', submitted.first_name);
  put('last_name', 'surname', submitted.surname);

  const { email, subtype, other_phone: otherPhone } = submitted;
  if (plain(email) === email && email.length <= lengths.email) fields['email'] = email;
  else comments.push(`e-mail: ${plain(email)}`);
  if (subtype?.trim()) comments.push(`subtype: ${plain(subtype)}`);
  const otherNumber = otherPhone?.trim() ? parsePhone(otherPhone) : undefined;
  if (otherNumber !== undefined) {
    const other = phoneDigits(otherNumber, settings.numberForm).digits;
    if (other.length <= lengths.alt_phone) fields['alt_phone'] = other;
    else comments.push(`other phone: ${other}`);
  }

  if (list.hopperPriority !== undefined) {
    fields['add_to_hopper'] = 'Y';
    fields['hopper_priority'] = String(list.hopperPriority);
  }
  for (const [name, value] of membersOf(submitted.data)) {
    const field = customFieldOf(name, list);
    if (field === undefined) {
      comments.push(`${plain(name)}: ${plain(value)}`);
      continue;
    }
    fields['custom_fields'] = 'Y';
    fields[field] = plain(value);
  }
  const comment = comments.join(', ');
  if (comment !== '') fields['comments'] = comment.slice(0, lengths.comments);
  return { fields, incompleteRequest: comment.length > lengths.comments ? ['comments'] : [] };
}

/** The custom field of a member of `data`; undefined where it has none. */
function customFieldOf(member: string, { customFields }: ListSettings): string | undefined {
  if (customFields !== undefined)
    return Object.hasOwn(customFields, member) ? customFields[member] : undefined;
  return customFieldName.test(member) && !reserved.has(member.toLowerCase()) ? member : undefined;
}

/** The members of `data` as text: those of an object within it bear both names, a list is set apart by commas. */
function membersOf(data: string | undefined): [name: string, value: string][] {
  if (data === undefined) return [];
  return flat('', JSON.parse(data));
}

function flat(name: string, value: unknown): [name: string, value: string][] {
  if (value === null) return [];
  if (typeof value !== 'object') return [[name || 'data', String(value)]];
  if (Array.isArray(value) && value.every((each) => typeof each !== 'object')) {
    return [[name || 'data', value.join(', ')]];
  }
  return Object.entries(value).flatMap(([member, inner]) => flat(name ? `${name}_${member}` : member, inner));
}
