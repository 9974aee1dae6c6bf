import assert from 'node:assert/strict';
import pg from 'pg';
import { newIdentifier } from '../../src/leads/identifier.ts';
import { digestOf, newKey } from '../../src/partners/key.ts';
import { openStore } from '../../src/store/open.ts';
import type { Target } from '../harness/client.ts';
import { openLossyProxy } from '../harness/lossy-proxy.ts';
import { mobileOf } from '../harness/mobile.ts';
import { finished } from '../harness/process.ts';
import { isStored } from './disk.ts';
import { add, type Fault, NotPossible, type Scene, untilReadiness } from './scene.ts';

/** Each fault uses its own range of people, because all share the database. */
const peoplePerFault = 100_000;

const senders = 8;
const cuts = 10;

/** Maximum duration of a stop, and of the response to an add (ms). */
const max = { stop: 12_000, response: 30_000 };

/** SQLSTATE of a missing privilege (PostgreSQL's appendix A). */
const insufficientPrivilege = '42501';

/** Runs SQL as an operator, even on a read-only database. @throws {NotPossible} without the privilege */
async function asOperator(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, options: '-c default_transaction_read_only=off' });
  await client.connect();
  try {
    await client.query(sql);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === insufficientPrivilege)
      throw new NotPossible(`the database user lacks a privilege: ${error.message}.`);
    throw error;
  } finally {
    await client.end();
  }
}

const cutConnections = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE application_name LIKE 'leads%' AND datname = current_database() AND usename = current_user`;

/** Starts a server on the database, with a new key. */
async function startOn(scene: Scene, url: string, direct = url) {
  const store = await openStore(direct);
  const key = newKey();
  await store.addKey('demo', newIdentifier(), digestOf(key));
  await store.close();
  return scene.start({ DATABASE_URL: url, BOOTSTRAP: 'off', DISPATCH: 'off' }, key);
}

/**
 * Sends people concurrently until it is stopped. Returns the numbers of those that were acknowledged and those that
 * were not.
 */
function startLoad(target: Target, first: number) {
  const saved: number[] = [];
  const failed: number[] = [];
  let unknown = 0;
  let next = first;
  let isStopping = false;
  const sender = async () => {
    while (!isStopping) {
      const index = next;
      next += 1;
      const status = await add(target, index);
      if (status === 200) saved.push(index);
      else if (status === 500) failed.push(index);
      else if (status === 503) unknown += 1;
      else throw new Error(`The response to an add was ${status}.`);
    }
  };
  const sending = Promise.all(Array.from({ length: senders }, sender));
  const stop = async () => {
    isStopping = true;
    await sending;
    return { failed, unknown };
  };
  return { saved, stop };
}

async function untilMore(saved: readonly number[], count: number): Promise<void> {
  const wanted = saved.length + count;
  while (saved.length < wanted) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function checkStored(target: Target, saved: readonly number[]): Promise<void> {
  for (const index of saved) assert.ok(await isStored(target, mobileOf(index)), `${mobileOf(index)} is lost`);
}

function connectionsCut(url: string): Fault {
  return {
    name: `connections to PostgreSQL that are cut ${cuts} times under load`,
    run: async (scene) => {
      const { target } = await startOn(scene, url);
      const load = startLoad(target, peoplePerFault);
      for (let round = 0; round < cuts; round += 1) {
        await untilMore(load.saved, 20);
        await asOperator(url, cutConnections);
      }
      await untilMore(load.saved, 20);
      const { failed, unknown } = await load.stop();
      await checkStored(target, load.saved);
      for (const index of failed)
        assert.equal(await isStored(target, mobileOf(index)), false, 'a rejected lead is stored');
      return `${load.saved.length} saved and none lost, ${failed.length} responses 500, ${unknown} responses 503`;
    },
  };
}

function readOnly(url: string): Fault {
  const name = decodeURIComponent(new URL(url).pathname.slice(1));
  const database = pg.escapeIdentifier(name);
  const change = (to: string) =>
    asOperator(url, `ALTER DATABASE ${database} SET default_transaction_read_only ${to}`);
  return {
    name: 'a read-only PostgreSQL',
    run: async (scene) => {
      const { target } = await startOn(scene, url);
      scene.atEnd(() => change('TO DEFAULT'));
      const first = 2 * peoplePerFault;
      assert.equal(await add(target, first), 200);
      await change('TO on');
      await asOperator(url, cutConnections);
      const refused = await add(target, first + 1);
      assert.equal(refused, 500);
      assert.equal(await isStored(target, mobileOf(first + 1)), false, 'a rejected lead is stored');
      await untilReadiness(target, 503);
      await change('TO DEFAULT');
      await untilReadiness(target, 200);
      assert.equal(await add(target, first + 1), 200);
      await checkStored(target, [first, first + 1]);
      return `adds ${refused}, /readyz 503; 200 once it accepts writes again`;
    },
  };
}

function lockedTable(url: string): Fault {
  return {
    name: 'a table that another session locks',
    run: async (scene) => {
      const { target } = await startOn(scene, url);
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      scene.atEnd(() => client.end());
      const index = 3 * peoplePerFault;
      await client.query('BEGIN; LOCK TABLE lead IN EXCLUSIVE MODE');
      const begun = performance.now();
      const refused = await add(target, index);
      const seconds = Math.round((performance.now() - begun) / 1_000);
      assert.ok([500, 503].includes(refused), `The response to an add was ${refused}.`);
      await client.query('COMMIT');
      if (refused === 500)
        assert.equal(await isStored(target, mobileOf(index)), false, 'a rejected lead is stored');
      assert.equal(await add(target, index + 1), 200);
      return `an add ${refused} after ${seconds} s; 200 once the table is unlocked`;
    },
  };
}

function droppedPackets(url: string): Fault {
  return {
    name: 'a network to PostgreSQL that drops packets',
    run: async (scene) => {
      const proxied = new URL(url);
      if (proxied.hostname === '' || proxied.searchParams.has('sslmode'))
        throw new NotPossible('its proxy needs a URL with a host and without `sslmode`.');
      const proxy = await openLossyProxy(Number(proxied.port || 5432), proxied.hostname);
      scene.atEnd(() => proxy.close());
      Object.assign(proxied, { hostname: '127.0.0.1', port: String(proxy.port) });
      const { child, target } = await startOn(scene, proxied.href, url);
      const first = 4 * peoplePerFault;
      assert.equal(await add(target, first), 200);
      proxy.dropPackets();
      const begun = performance.now();
      const refused = await add(target, first + 1);
      assert.ok(performance.now() - begun < max.response, 'The response came too late.');
      assert.ok([500, 503].includes(refused), `The response to an add was ${refused}.`);
      await untilReadiness(target, 503);
      const stopping = performance.now();
      const end = finished(child);
      child.kill('SIGTERM');
      const { code } = await end;
      const seconds = Math.round((performance.now() - stopping) / 1_000);
      assert.ok(performance.now() - stopping < max.stop, `The stop took ${seconds} s.`);
      return `an add ${refused}, /readyz 503, a stop within ${seconds} s (exit code ${code})`;
    },
  };
}

/** Faults of a store in PostgreSQL that need no access to its server. */
export function postgresFaults(url: string): Fault[] {
  return [connectionsCut(url), readOnly(url), lockedTable(url), droppedPackets(url)];
}
