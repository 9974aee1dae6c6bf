import type { TestProject } from 'vitest/node';
import { startPostgres } from './postgres-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of a PostgreSQL server on which tests create databases. */
    postgresUrl: string;
    /** Whether the server outlives the tests, so that they must remove their databases. */
    postgresIsGiven: boolean;
  }
}

/** Starts one PostgreSQL server for all tests, unless TEST_DATABASE_URL names another. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env['TEST_DATABASE_URL'];
  project.provide('postgresIsGiven', given !== undefined);
  if (given !== undefined) {
    project.provide('postgresUrl', given);
    return undefined;
  }
  // Its data does not outlive the tests, so syncing is unnecessary. Autovacuum would visit hundreds of databases.
  const postgres = await startPostgres(['fsync=off', 'autovacuum=off', 'max_connections=400']);
  project.provide('postgresUrl', postgres.url);
  return () => postgres.remove();
}
