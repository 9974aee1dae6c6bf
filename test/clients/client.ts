/** What the programs in programs/ do, each with a client that another generator made from the published contract. */

export interface Lead {
  email: string;
  first_name: string;
  surname: string;
  mobile: string;
  type: string;
  delays?: number | string;
  test?: boolean | 'true';
}

export interface Person {
  mobile: string;
  type: string;
}

export interface Added {
  outcome: string | null;
  leadId: string | null;
  saved: boolean | undefined;
  processed: boolean | undefined;
  error: string | undefined;
  test: string | undefined;
  /** The first message about the field `email`. */
  invalidEmail: string | undefined;
}

export interface RowResult {
  ref: string | null;
  outcome: string;
  status: number;
  leadId: string | null;
}

export interface Client {
  add(lead: Lead): Promise<Added>;
  /** Returns the results of the rows. */
  addMany(leads: (Lead & { ref: string })[]): Promise<RowResult[]>;
  /** Returns the state of a lead and its id; undefined: it was not found. */
  status(lead: Person | { lead_id: string }): Promise<{ state: string; leadId: string } | undefined>;
  /** Returns the warning; undefined: the lead was cancelled. */
  cancel(person: Person): Promise<string | undefined>;
}

/** Creates a client. @param url of the server */
export type CreateClient = (url: string, key: string) => Client;
