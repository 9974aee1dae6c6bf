import type { EvidenceEntry } from '../store/evidence/evidence.ts';
import type { Store } from '../store/store.ts';
import { formatDate, formatTime } from '../text/time.ts';

/** A do-not-call list that contains or contained a person, and since when (ISO 8601). */
interface ListOfPerson {
  list: string;
  since: string;
}

/**
 * Returns the evidence of the imports that concern a person: of the lists that contain the number or refused it, and of
 * the registries whose lists a refusal or a delivery was based on.
 *
 * @param mobile E.164
 * @param entries evidence about the person
 */
export async function importsAbout(
  store: Store,
  mobile: string,
  entries: readonly EvidenceEntry[],
): Promise<EvidenceEntry[]> {
  const contents = entries.map(({ content }) => Object(JSON.parse(content ?? '{}')));
  const current = (await store.suppressionsOf(mobile)).map(({ source, sourceId, enteredAt }) => ({
    channel: source,
    entered_by: sourceId,
    entered_at: formatTime(enteredAt),
  }));
  const listed = [...contents.flatMap(({ do_not_call: found }) => Object(found ?? [])), ...current];
  const lists: ListOfPerson[] = listed
    .filter(({ channel }) => channel === 'import')
    .map(({ entered_by: list, entered_at: since }) => ({ list, since }));
  const registries = new Set(
    contents.flatMap(({ lists: refused, basis }) =>
      Object.entries({ ...refused, ...basis?.registries }).map(([name, date]) => `${name} ${date}`),
    ),
  );
  for (const { registry, datedAt } of await store.registriesOf(mobile)) {
    registries.add(`${registry} ${formatDate(datedAt)}`);
  }
  if (lists.length === 0 && registries.size === 0) return [];
  return concerning(await store.evidenceOfImports(), lists, registries);
}

function concerning(
  imports: readonly EvidenceEntry[],
  lists: readonly ListOfPerson[],
  registries: ReadonlySet<string>,
): EvidenceEntry[] {
  const found = new Set<EvidenceEntry>();
  const read = imports.map((entry) => ({ entry, content: Object(JSON.parse(entry.content ?? '{}')) }));
  for (const { entry, content } of read) {
    if (registries.has(`${content.registry} ${content.list_date}`)) found.add(entry);
  }
  for (const { list, since } of lists) {
    const later = read.filter(
      ({ entry, content }) => content.list === list && formatTime(entry.happenedAt) >= since,
    );
    // The import is recorded when it ends. Later ones have not changed the entry.
    const entered = later.find(({ content }) => content.removed !== true);
    const removed = later.find(({ content }) => content.removed === true);
    for (const each of [entered, removed]) if (each !== undefined) found.add(each.entry);
  }
  return [...found];
}
