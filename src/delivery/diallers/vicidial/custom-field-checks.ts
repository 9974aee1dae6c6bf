/** Time after which a value that a field did not hold is tried again, because the field may have been changed (ms). */
const retryInterval = 600_000;

/** Maximum number of fields that are remembered: partners choose the names. */
const maxFields = 2_000;

/** Forms of text: a column for dates or numbers holds no other. */
type Form = 'date' | 'number' | 'text';

/** What is known about a custom field, by the form of the text. */
interface FieldRecord {
  /** Maximum length that was stored in full. */
  stored: Partial<Record<Form, number>>;
  /** Minimum length that was not. */
  lost: Partial<Record<Form, number>>;
  /** When something was last lost (`performance.now()`). */
  lostAt: number;
}

/**
 * Remembers what the custom fields of each list have stored in full. VICIdial drops the values of unknown fields, cuts
 * long ones and stores wrong dates as 0000-00-00, all silently, so the first values of each field are read back.
 */
export class CustomFieldChecks {
  readonly #records = new Map<string, FieldRecord>();

  /** Returns whether a field is not known to lose a value. */
  accepts(list: string, field: string, value: string): boolean {
    const record = this.#records.get(`${list} ${field}`);
    if (record === undefined || performance.now() - record.lostAt > retryInterval) return true;
    return value.length < (record.lost[formOf(value)] ?? Number.POSITIVE_INFINITY);
  }

  /** Returns whether a field is known to store a value in full. */
  isChecked(list: string, field: string, value: string): boolean {
    const stored = this.#records.get(`${list} ${field}`)?.stored;
    return value.length <= Math.max(stored?.text ?? -1, stored?.[formOf(value)] ?? -1);
  }

  /** Records what a field stored of a value. Returns whether it is the whole value. */
  record(list: string, field: string, value: string, stored: string): boolean {
    const record = this.#records.get(`${list} ${field}`) ?? { stored: {}, lost: {}, lostAt: 0 };
    if (this.#records.size >= maxFields) this.#records.clear();
    this.#records.set(`${list} ${field}`, record);
    const form = formOf(value);
    // Another text of at least the same length is the value in another notation, such as one that is encrypted.
    if (stored.length >= value.length && !stored.startsWith('0000-00-00')) {
      record.stored[form] = Math.max(value.length, record.stored[form] ?? 0);
      delete record.lost[form];
      return true;
    }
    const isCut = stored !== '' && value.startsWith(stored);
    record.lost[form] = isCut ? stored.length + 1 : 0;
    record.lostAt = performance.now();
    return false;
  }
}

function formOf(value: string): Form {
  if (/^\d{4}-\d{2}-\d{2}/.test(value)) return 'date';
  return /^-?\d+(\.\d+)?$/.test(value) ? 'number' : 'text';
}
