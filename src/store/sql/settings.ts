import type { SettingRecord, Settings } from '../settings.ts';
import { audit } from './audit.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { statement } from './statement.ts';

/** Manages the settings in a database. */
export function settings(database: SqlDatabase): Settings {
  return {
    settings: () => database.read(selectSettings),
    recordSettings: (values) => database.change(() => recordSettings(values)),
    setSetting: (name, value) => database.change(() => setSetting(name, value)),
  };
}

const selectSettings = statement<SettingRecord>(
  'settings',
  'SELECT name, value, set_at AS "setAt" FROM setting ORDER BY name',
);

const insertSetting = statement(
  'record_setting',
  'INSERT INTO setting (name, value, set_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING',
);

function* recordSettings(values: Readonly<Record<string, string>>): Change<SettingRecord[]> {
  for (const [name, value] of Object.entries(values)) yield* run(insertSetting, name, value, Date.now());
  return [...(yield* run(selectSettings))];
}

const selectSetting = statement<{ value: string }>('setting', 'SELECT value FROM setting WHERE name = $1');

const upsertSetting = statement(
  'set_setting',
  `INSERT INTO setting (name, value, set_at) VALUES ($1, $2, $3)
   ON CONFLICT (name) DO UPDATE SET value = excluded.value, set_at = excluded.set_at`,
);

function* setSetting(name: string, value: string): Change<void> {
  const before = yield* firstRow(selectSetting, name);
  yield* run(upsertSetting, name, value, Date.now());
  yield* audit({ kind: 'setting', id: name }, before, { value });
}
