/** A setting that every server and command of a store shares. */
export interface SettingRecord {
  /** Name of its environment variable. */
  name: string;
  /** Its value, written as in the environment variable. */
  value: string;
  /** Milliseconds since 1970. */
  setAt: number;
}

/** The settings in a store. */
export interface Settings {
  /** Returns the recorded settings by name. A store that no server has used yet has none. */
  settings(): Promise<SettingRecord[]>;
  /** Records each setting that is not recorded yet. Returns all recorded settings by name. */
  recordSettings(values: Readonly<Record<string, string>>): Promise<SettingRecord[]>;
  /** Sets a setting, recorded or not. */
  setSetting(name: string, value: string): Promise<void>;
}
