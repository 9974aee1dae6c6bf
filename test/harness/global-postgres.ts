import type { TestProject } from 'vitest/node';
import { startPostgres } from './postgres-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of a PostgreSQL in which tests make databases of their own. */
    postgresUrl: string;
    /** Whether it outlasts the tests, so that they have to remove their databases. */
    postgresIsGiven: boolean;
  }
}

/** One PostgreSQL serves all tests; TEST_DATABASE_URL points them at another. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env['TEST_DATABASE_URL'];
  project.provide('postgresIsGiven', given !== undefined);
  if (given !== undefined) {
    project.provide('postgresUrl', given);
    return undefined;
  }
  // Nothing here outlasts the tests, so nothing need be synced.
  const postgres = await startPostgres(['fsync=off', 'max_connections=400']);
  project.provide('postgresUrl', postgres.url);
  return () => postgres.remove();
}
