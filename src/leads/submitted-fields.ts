import type { components } from '../../generated/openapi.ts';
import { isBlank } from '../text/visible.ts';
import type { ParsePhone } from './phone.ts';

/** Body of a request to add a lead, as openapi.yaml defines it. */
type SubmittedLead = components['schemas']['NewLead'];

/** The fields of a submission that describe the person. */
export interface SubmittedFields {
  email: string;
  firstName: string;
  surname: string;
  /** Undefined: missing or blank. */
  subtype: string | undefined;
  /** Undefined: missing or blank. */
  otherPhone: string | undefined;
  /** Undefined: missing or blank. */
  postcode: string | undefined;
  /** Undefined: missing or blank. */
  timeZone: string | undefined;
  /** The JSON value in `data`. Undefined: missing. */
  data: unknown;
}

/**
 * Returns the body of a stored request as it was sent, blank fields included.
 *
 * @param content content of a submission or cancellation (JSON text)
 */
export function submittedBody(content: string): object {
  return JSON.parse(content);
}

/** Returns the body of a submission as it was sent. @param content content of the submission (JSON text) */
export function submittedLead(content: string): SubmittedLead {
  // The cast: only a body that matches this schema is stored as a submission.
  return submittedBody(content) as SubmittedLead;
}

/** Reads the fields of a submission. Blank optional fields are treated as missing, as in the contract. */
export function submittedFields(content: string): SubmittedFields {
  const {
    email,
    first_name: firstName,
    surname,
    subtype,
    other_phone,
    postcode,
    time_zone,
    data,
  } = submittedLead(content);
  return {
    email,
    firstName,
    surname,
    subtype: unlessBlank(subtype),
    otherPhone: unlessBlank(other_phone),
    ...sentWhereabouts({ postcode, time_zone }),
    data: data === undefined ? undefined : JSON.parse(data),
  };
}

/** Returns the other phone number of a submission (E.164). Undefined: it is missing, blank or not a valid number. */
export function otherNumberOf(content: string, parsePhone: ParsePhone): string | undefined {
  // Parsing every lead would take longer than sending it. An encoder may have escaped the name of the field.
  if (!content.includes('other_phone') && !content.includes('\\u')) return undefined;
  const text = unlessBlank(submittedLead(content).other_phone);
  return text === undefined ? undefined : parsePhone(text);
}

/** Whether a submission contains the consent of the person: what it was, and when it was given. */
export function containsConsent(content: string): boolean {
  // Parsing every submission would take too long. A name that is escaped is not found, which is the strict side.
  if (!content.includes('"consent_text"')) return false;
  const { consent_text: text, consent_at: at } = submittedLead(content);
  return unlessBlank(text) !== undefined && unlessBlank(at) !== undefined;
}

/** What a body says about where the person is. */
type SentWhereabouts = { [Field in 'postcode' | 'time_zone']?: SubmittedLead[Field] | undefined };

/** Returns what a body says about where the person is. */
export function sentWhereabouts({
  postcode,
  time_zone,
}: SentWhereabouts): Pick<SubmittedFields, 'postcode' | 'timeZone'> {
  return { postcode: unlessBlank(postcode), timeZone: unlessBlank(time_zone) };
}

/** When a call is requested, and how soon it is made among those that are due. Undefined: missing or blank. */
export interface Schedule {
  /** Milliseconds since 1970. */
  callAt: number | undefined;
  /** When it is too late to call (ms since 1970). */
  expiresAt: number | undefined;
  /** From 0 to 9. */
  priority: number | undefined;
}

/** What a body says about the time of the call. */
type SentSchedule = { [Field in 'call_at' | 'expires_at' | 'priority']?: SubmittedLead[Field] | undefined };

/** Returns what a body says about the time of the call. */
export function sentSchedule({ call_at, expires_at, priority }: SentSchedule): Schedule {
  return {
    callAt: timeIn(call_at),
    expiresAt: timeIn(expires_at),
    priority: isBlank(priority) ? undefined : Number(priority),
  };
}

function timeIn(text: string | null | undefined): number | undefined {
  return isBlank(text) ? undefined : Date.parse(String(text));
}

/** Returns a submission without its `other_phone`. @param content content of the submission (JSON text) */
export function withoutOtherPhone(content: string): string {
  const { other_phone: _, ...others } = submittedLead(content);
  return JSON.stringify(others);
}

function unlessBlank(text: string | null | undefined): string | undefined {
  return isBlank(text) ? undefined : (text ?? undefined);
}
