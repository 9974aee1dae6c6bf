import type { components } from '../../generated/openapi.ts';
import { isBlank } from '../text/visible.ts';

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
  const { email, first_name: firstName, surname, subtype, other_phone, data } = submittedLead(content);
  return {
    email,
    firstName,
    surname,
    subtype: unlessBlank(subtype),
    otherPhone: unlessBlank(other_phone),
    data: data === undefined ? undefined : JSON.parse(data),
  };
}

function unlessBlank(text: string | null | undefined): string | undefined {
  return isBlank(text) ? undefined : (text ?? undefined);
}
