/**
 * Parameters of VICIdial's API that describe the request, its list, its sender, or what happens to the lead. A custom
 * field of such a name would replace them.
 */
const apiParameters = new Set(
  `source user pass function format stage header DB version
  phone_number phone_code list_id lead_id vendor_lead_code source_id first_name last_name alt_phone address3 email comments
  status called_count user_field list_id_field entry_list_id force_entry_list_id gmt_offset_now modify_date entry_date
  duplicate_check dnc_check campaign_dnc_check campaign_id list_exists_check custom_fields tz_method lookup_state
  usacan_prefix_check usacan_areacode_check nanpa_ac_prefix_check multi_alt_phones
  add_to_hopper remove_from_hopper hopper_priority hopper_local_call_time_check hopper_campaign_call_time_check
  callback callback_status callback_datetime callback_type callback_user callback_comments
  search_method search_location insert_if_not_found records no_update delete_lead delete_cf_data reset_lead
  update_phone_number archived_lead field_name value agent_user db`
    .toLowerCase()
    .split(/\s+/),
);

/** Returns whether a name is that of a parameter of the API, in any case. */
export function isApiParameter(name: string): boolean {
  return apiParameters.has(name.toLowerCase());
}

/** Valid name of a custom field, which VICIdial stores as a database column. */
export const customFieldName = /^[A-Za-z][A-Za-z0-9_]{0,49}$/;

/** A column that every VICIdial list has. */
interface Column {
  /** Whether it is also used for a member of `data` of its name without `custom_fields`. */
  isDefault: boolean;
  /** Returns the value to store; undefined: the column cannot hold it in full. */
  fit(text: string): string | undefined;
}

/**
 * Columns for members of `data`. VICIdial can dial `alt_phone` and `address3`, so neither is among them. `owner` can
 * restrict who may call the lead, and `rank` its order: only an operator can select these.
 */
const columns: ReadonlyMap<string, Column> = new Map([
  ['title', ofLength(4)],
  ['middle_initial', ofForm(/^[\p{L}\d-]$/u)],
  ['address1', ofLength(100)],
  ['address2', ofLength(100)],
  ['city', ofLength(50)],
  ['state', ofForm(/^[\p{L}\d -]{1,2}$/u)],
  ['province', ofLength(50)],
  ['postal_code', ofForm(/^[\p{L}\d -]{1,10}$/u)],
  ['date_of_birth', { isDefault: true, fit: dateOf }],
  ['gender', { isDefault: true, fit: genderOf }],
  ['country_code', ofForm(/^[\p{L}\d-]{1,3}$/u, false)],
  ['security_phrase', ofLength(100, false)],
  ['owner', ofLength(20, false)],
  // VICIdial drops the sign of a negative rank.
  ['rank', ofForm(/^\d{1,4}$/, false)],
]);

/** Returns the column for members of `data` with a name; undefined: there is none. */
export function columnOf(name: string): Column | undefined {
  return columns.get(name);
}

/** Returns whether a name differs from that of a column only in its case, so that VICIdial would not find it. */
export function isLikeColumn(name: string): boolean {
  return columns.has(name.toLowerCase());
}

function ofLength(length: number, isDefault = true): Column {
  return { isDefault, fit: (text) => (text.length <= length ? text : undefined) };
}

/** A column of which VICIdial drops more characters than of names. */
function ofForm(form: RegExp, isDefault = true): Column {
  return { isDefault, fit: (text) => (form.test(text) ? text : undefined) };
}

/** A date that exists. VICIdial would store another as 0000-00-00. */
function dateOf(text: string): string | undefined {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== text ? undefined : text;
}

function genderOf(text: string): string | undefined {
  const [, letter] = /^(m|f|u)(?:ale|emale|nknown|ndefined)?$/i.exec(text) ?? [];
  return letter?.toUpperCase();
}
