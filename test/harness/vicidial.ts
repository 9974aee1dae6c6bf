import type { Behaviour } from './receiver.ts';

/** A form as PHP's $_POST contains it: the last value of a name wins, and `.` and space in a name become `_`. */
export type PhpForm = Record<string, string>;

/** A lead as the stand-in stores it. */
export interface VicidialLead {
  id: number;
  form: PhpForm;
}

const maxFailedLogins = 10;

/** Parses a form as PHP does. */
export function phpForm(body: string): PhpForm {
  const form: PhpForm = {};
  for (const pair of body.split('&')) {
    const [name = '', value = ''] = pair.split(/=(.*)/s).map((part) => decode(part));
    form[name.trimStart().replace(/[ .]/g, '_')] = value;
  }
  return form;
}

/** PHP's urldecode(): a `%` without two hexadecimal digits is unchanged. */
function decode(text: string): string {
  const bytes = text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

/** Returns a text as VICIdial 2.14-202 stores it: some characters are dropped, and `+` becomes a space. */
function asStored(text: string): string {
  return text.replace(/[";#]|[^\x20-\x7e]/g, '').replaceAll('+', ' ');
}

/**
 * Stand-in for VICIdial's non_agent_api.php, with the texts of a real one: it always responds with status 200 and lines of
 * text. It has two lists and a do-not-call list.
 */
export class VicidialStandIn {
  readonly user = 'leadsapi';
  password = 'correct horse';
  readonly lists = new Set(['1001', '1002']);
  readonly doNotCall = new Set<string>();
  readonly leads: VicidialLead[] = [];
  /** All forms received. */
  readonly forms: PhpForm[] = [];
  failedLogins = 0;

  readonly behave: Behaviour = ({ body }, outgoing) => {
    const text = this.response(phpForm(body));
    outgoing.writeHead(200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
    });
    outgoing.end(text);
  };

  response(form: PhpForm): string {
    this.forms.push(form);
    const { user, pass, function: name, phone_number: phone = '', list_id: list = '' } = form;
    if (this.failedLogins >= maxFailedLogins)
      return 'ERROR: Too many login attempts, try again in 15 minutes';
    if (user !== this.user || pass !== this.password) {
      this.failedLogins += 1;
      return `ERROR: Login incorrect, please try again: |${user}|${pass}|BAD|\n`;
    }
    if (!name) return 'ERROR: NO FUNCTION SPECIFIED\n';
    if (!/^\d{6,16}$/.test(phone)) {
      return `ERROR: add_lead INVALID PHONE NUMBER LENGTH - ${phone}|${user}\n`;
    }
    if (!this.lists.has(list)) {
      return `ERROR: add_lead NOT A DEFINED LIST ID, LIST EXISTS CHECK ENABLED - ${phone}|${list}\n`;
    }
    if (form['dnc_check'] === 'Y' && this.doNotCall.has(phone)) {
      return `ERROR: add_lead PHONE NUMBER IN DNC - ${phone}|${user}\n`;
    }
    const existing = this.leads.find(
      ({ form: other }) => other['phone_number'] === phone && other['list_id'] === list,
    );
    if (existing !== undefined && form['duplicate_check'] === 'DUPLIST') {
      return `ERROR: add_lead DUPLICATE PHONE NUMBER IN LIST - ${phone}|${list}|${existing.id}\n`;
    }
    return this.#add(form, phone, list);
  }

  #add(form: PhpForm, phone: string, list: string): string {
    const id = this.leads.length + 1;
    const stored = Object.entries(form).map(([name, value]) => [name, asStored(value)]);
    this.leads.push({ id, form: Object.fromEntries(stored) });
    const added = `SUCCESS: add_lead LEAD HAS BEEN ADDED - ${phone}|${list}|${id}||${this.user}\n`;
    if (form['add_to_hopper'] !== 'Y') return added;
    return `${added}NOTICE: add_lead ADDED TO HOPPER - ${phone}|${id}|1|${this.user}\n`;
  }
}
