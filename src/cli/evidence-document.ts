import { importedKeyId } from '../leads/submission.ts';
import { submittedLead } from '../leads/submitted-fields.ts';
import type { EvidenceEntry, EvidenceKind } from '../store/evidence/evidence.ts';
import type { Erasure } from '../store/people.ts';
import { formatTime } from '../text/time.ts';

/** Width of the document (columns). */
const width = 80;

/** Columns before a value. */
const indent = 20;

/** Headings of the kinds of evidence. */
const headings: Readonly<Record<EvidenceKind, string>> = {
  request: 'Request for a call',
  cancellation: 'Cancellation',
  delivery: 'Delivery to the dialler',
  result: 'Result of a call',
  screening: 'Screening',
  objection: 'Objection',
  import: 'Import of a list',
  withdrawal: 'Withdrawal from the dialler',
  restore: 'Restore of the store',
  removal: 'Removal of evidence',
};

/** A fact: its name and its value. */
type Fact = readonly [name: string, value: string | null | undefined];

/**
 * Returns the lines of a document with all evidence about a person, of up to 80 columns.
 *
 * @param printedAt milliseconds since 1970
 * @param erasures of the person; undefined: they cannot be found without a key
 * @param verification sentences about the chain of evidence
 */
export function evidenceDocument(
  mobile: string,
  printedAt: number,
  entries: readonly EvidenceEntry[],
  erasures: readonly Erasure[] | undefined,
  verification: readonly string[],
): string[] {
  const title = `Evidence about ${mobile}`;
  const lines = [
    title,
    '='.repeat(title.length),
    '',
    ...wrap(`Printed at ${formatTime(printedAt)}. All times are in UTC.`),
  ];
  for (const sentence of describeErasures(erasures)) lines.push('', ...wrap(sentence));
  if (entries.length === 0) lines.push('', 'There is no evidence about this person.');
  const inOrder = entries.toSorted(
    (one, other) => one.happenedAt - other.happenedAt || one.sequence - other.sequence,
  );
  for (const entry of inOrder) {
    const heading = `${headingOf(entry)}, ${formatTime(entry.happenedAt)}`;
    lines.push('', heading, '-'.repeat(heading.length), ...factsOf(entry).flatMap(factLines));
  }
  lines.push('', 'Integrity', '---------', ...verification.flatMap((sentence) => wrap(sentence)));
  return lines;
}

function describeErasures(erasures: readonly Erasure[] | undefined): string[] {
  if (erasures === undefined) {
    return ['Whether this person was erased cannot be determined without the key of the store.'];
  }
  const sentences = erasures.map(({ erasedAt, evidenceReason }) =>
    evidenceReason === null
      ? `This person was erased at ${formatTime(erasedAt)}. Evidence was kept.`
      : `This person was erased at ${formatTime(erasedAt)}, with the evidence until then. Reason: ${evidenceReason}`,
  );
  if (sentences.length > 0) {
    sentences.push(
      'Evidence about an erased person is restricted: use it only for legal claims, or for a regulator that asks for it.',
    );
  }
  return sentences;
}

function headingOf({ kind, content }: EvidenceEntry): string {
  const isRemoval = Object(JSON.parse(content ?? '{}')).removed === true;
  if (isRemoval && kind === 'objection') return 'Removal from the do-not-call list';
  return isRemoval && kind === 'import' ? 'Removal of an imported list' : headings[kind];
}

function factsOf(entry: EvidenceEntry): Fact[] {
  const { kind, content, sequence, recordedAt, keyId, otherMobile, mobile } = entry;
  const chain: Fact = [
    'Entry',
    `${sequence}, added ${formatTime(recordedAt)}${keyId === null ? ', not protected by a key' : ''}`,
  ];
  const numbers: Fact[] = [
    ['Phone number', mobile],
    ['Other number', otherMobile],
  ];
  const values: Record<string, unknown> = content === null ? {} : JSON.parse(content);
  if (kind === 'request' || kind === 'cancellation') return [...requestFacts(values), ...numbers, chain];
  if (kind === 'delivery') return [...deliveryFacts(values), ...numbers, chain];
  // The heading states it.
  const { removed: _, do_not_call: entries, ...others } = values;
  return [...otherFacts(others), ...refusalFacts(entries), ...numbers, chain];
}

/** Describes how a request was received. @param keyId id of its key */
function channelOf(keyId: unknown): string {
  if (keyId === importedKeyId) return 'file, imported by an operator';
  return `API request${keyId === null ? '' : `, key ${textOf(keyId)}`}`;
}

function requestFacts(values: Record<string, unknown>): Fact[] {
  const request = textOf(values['request']) ?? '{}';
  const lead = submittedLead(request);
  const agreed = lead.consent_at ?? undefined;
  return [
    ['Partner', textOf(values['partner'])],
    ['Purpose', `lead type ${textOf(values['type'])}`],
    ['Channel', channelOf(values['key_id'])],
    [
      'Outcome',
      `${textOf(values['outcome'])}${values['lead_id'] === null ? '' : `, lead ${textOf(values['lead_id'])}`}`,
    ],
    ['Agreed at', agreed === undefined ? undefined : `${agreed}, as the partner stated`],
    ['Consent', lead.consent_text],
    ['Caller named', lead.consent_caller],
    ['Page', lead.consent_url],
    ['IP address', lead.consent_ip],
    ['User agent', lead.consent_user_agent],
    ['Certificate', lead.consent_certificate],
    ['Request verbatim', request],
  ];
}

function deliveryFacts(values: Record<string, unknown>): Fact[] {
  const basis: Record<string, unknown> = Object(values['basis'] ?? {});
  return [
    ['Lead', textOf(values['lead_id'])],
    ['Partner', textOf(values['partner'])],
    ['Purpose', `lead type ${textOf(values['type'])}`],
    ['Due', formatTime(Number(values['due_at']))],
    ['Started', formatTime(Number(values['started_at']))],
    ['Ended', formatTime(Number(values['ended_at']))],
    ['Outcome', textOf(values['outcome'])],
    ['Response', textOf(values['response'])],
    ...(Object.keys(basis).length === 0 ? ([['Permitted by', 'not recorded']] as const) : otherFacts(basis)),
  ];
}

/** Returns the entries of the do-not-call list that refused a request. */
function refusalFacts(entries: unknown): Fact[] {
  if (!Array.isArray(entries)) return [];
  return entries.map((entry: Record<string, unknown>) => {
    const origin = [entry['channel'], entry['entered_by']].flatMap((word) => textOf(word) ?? []).join(' ');
    return [
      'Do-not-call entry',
      `${origin}, for ${entry['lead_type'] === 'all' ? 'all lead types' : textOf(entry['lead_type'])}: objected ${textOf(entry['objected_at'])}, entered ${textOf(entry['entered_at'])}`,
    ];
  });
}

/** Labels that differ from the names of the members. */
const labels: Readonly<Record<string, string>> = {
  zones: 'Time zone',
  lead_id: 'Lead',
  submission_id: 'Request',
  key_id: 'Key',
  type: 'Lead type',
  lists: 'On the list of',
  registries: 'Not on the list of',
  overridden_by_consent: 'Consent overrides',
  screening: 'Screened by',
  added: 'Numbers added',
  sequences: 'Entries',
};

function otherFacts(values: Record<string, unknown>): Fact[] {
  return Object.entries(values).map(([name, value]) => [labelOf(name), textOf(value)]);
}

function labelOf(name: string): string {
  const label = labels[name];
  if (label !== undefined) return label;
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function textOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value !== 'object') return String(value);
  const isList = Array.isArray(value);
  const parts = Object.entries(value).map(([name, part]) => (isList ? '' : `${name} `) + textOf(part));
  return parts.join(isList && Array.isArray(value[0]) ? '; ' : ', ');
}

function factLines([name, value]: Fact): string[] {
  if (value === undefined || value === null || value.trim() === '') return [];
  const [first = '', ...others] = wrap(value, width - indent);
  return [`${name.padEnd(indent)}${first}`, ...others.map((line) => `${' '.repeat(indent)}${line}`)];
}

/** Breaks a text into lines, at spaces or after punctuation if possible. Line breaks of the text stay. */
function wrap(text: string, columns = width): string[] {
  return text.split(/\r\n|\r|\n/).flatMap((paragraph) => {
    const lines: string[] = [];
    let rest = paragraph;
    while (rest.length > columns) {
      const space = rest.lastIndexOf(' ', columns);
      // A request verbatim may contain no spaces.
      const line = rest.slice(0, columns);
      const mark = line.search(/[,;&?/][^,;&?/]*$/) + 1 || line.search(/[^\p{L}\p{N}][\p{L}\p{N}]*$/u) + 1;
      const end = space > 0 ? space : mark || columns;
      lines.push(rest.slice(0, end).trimEnd());
      rest = rest.slice(end).trimStart();
    }
    return [...lines, rest];
  });
}
