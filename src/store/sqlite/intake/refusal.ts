import type { DatabaseSync } from 'node:sqlite';
import { newIdentifier } from '../../../leads/identifier.ts';
import type { Submission } from '../../../leads/submission.ts';
import type { PersonDigests } from '../../keys/person-digests.ts';
import { isNamedIn } from '../../sql/required-registries.ts';
import { Query } from '../query.ts';
import type { GrantedType } from './granted-types.ts';

/** Records in the evidence which entries refused a submission, in the caller's transaction. */
export type RecordRefusal = (submission: Submission, type: GrantedType, registries: string | null) => void;

/** Prepares the statement that records a refusal. */
export function refusalRecorder(database: DatabaseSync, digests: PersonDigests): RecordRefusal {
  const time = (column: string) => `strftime('%Y-%m-%dT%H:%M:%SZ', ${column} / 1000, 'unixepoch')`;
  const insert = new Query(
    database,
    `INSERT INTO evidence_pending (id, kind, mobile, happened_at, content) SELECT ?1, 'screening', ?2, ?3, json_object(
       'submission_id', ?4,
       'type', ?5,
       'do_not_call', (
         SELECT json_group_array(json_object(
           'channel', source, 'entered_by', nullif(source_id, ''),
           'lead_type', coalesce((SELECT name FROM lead_type WHERE lead_type.id = suppression.type_id), 'all'),
           'objected_at', ${time('objected_at')}, 'entered_at', ${time('entered_at')}))
         FROM suppression WHERE mobile IN (SELECT value FROM json_each(?6)) AND (+type_id = 0 OR +type_id = ?7)),
       'lists', (
         SELECT json_group_object(registry.name, strftime('%Y-%m-%d', dated_at / 1000, 'unixepoch'))
         FROM registry_entry JOIN registry ON registry.list_id = registry_entry.list_id
         JOIN registry_list ON registry_list.id = registry.list_id
         WHERE registry_entry.mobile IN (SELECT value FROM json_each(?6)) AND ${isNamedIn('?8')}),
       'result', 'refused')`,
  );
  return ({ id, mobile, type }, { id: typeId }, registries) => {
    const now = Date.now();
    const numbers = JSON.stringify(digests.withDigests(mobile));
    insert.run(newIdentifier(now), mobile, now, id, type, numbers, typeId, registries);
  };
}
