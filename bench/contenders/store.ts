import { randomUUID } from 'node:crypto';

export interface Lead {
  mobile: string;
  type: string;
}

/** The interface that better-sqlite3 and node:sqlite share. */
interface Database {
  exec(sql: string): unknown;
  prepare(sql: string): { run(...values: (string | number)[]): unknown };
}

export interface Leads {
  /** Saves a submission and its lead in one synced transaction. */
  add(lead: Lead): void;
}

/** Opens a durable store as the documentation of better-sqlite3 shows; undefined: no file was given. */
export async function openLeads(file: string | undefined): Promise<Leads | undefined> {
  if (file === undefined) return undefined;
  const database = await openDatabase(file);
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE submission (id TEXT PRIMARY KEY, received_at INTEGER NOT NULL, content TEXT NOT NULL);
    CREATE TABLE lead (id TEXT PRIMARY KEY, mobile TEXT NOT NULL, type TEXT NOT NULL, due_at INTEGER NOT NULL,
      submission_id TEXT NOT NULL REFERENCES submission (id), UNIQUE (mobile, type));`);
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  const addSubmission = database.prepare('INSERT INTO submission VALUES (?, ?, ?)');
  const addLead = database.prepare('INSERT INTO lead VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING');
  return {
    add(lead) {
      const id = randomUUID();
      const now = Date.now();
      begin.run();
      addSubmission.run(id, now, JSON.stringify(lead));
      addLead.run(randomUUID(), lead.mobile, lead.type, now, id);
      commit.run();
    },
  };
}

/** Opens better-sqlite3, or node:sqlite if it cannot be loaded: it has to be compiled. */
async function openDatabase(file: string): Promise<Database> {
  try {
    const { default: BetterSqlite } = await import('better-sqlite3');
    return new BetterSqlite(file);
  } catch (error) {
    process.stderr.write(
      `better-sqlite3 cannot be loaded (${reasonOf(error)}); using node:sqlite instead.\n`,
    );
    const { DatabaseSync } = await import('node:sqlite');
    return new DatabaseSync(file);
  }
}

/** Returns only the code: the message contains a path of this machine, and the results are published. */
function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'it does not load';
}
