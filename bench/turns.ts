import { load } from './load.ts';
import type { RunningServer } from './processes.ts';

const connections = 256;

/** Seconds of load before the measurement: V8 compiles the hot functions meanwhile. */
const warmUp = 6;

/** A turn of a server under full load. */
export interface Turn {
  /** Leads added per second. */
  adds: number;
  /** Processor time of the server per lead (µs): on a busy machine, more exact than the rate. */
  processorTime: number;
  /** Milliseconds. */
  p99: number;
}

/** A server that takes turns with another one. */
export interface Contestant {
  server: RunningServer;
  /** A key of a partner that can add leads. */
  key: string;
  /** Its turns so far. */
  turns: Turn[];
}

/** Describes the turns, for the docs. */
export function describeTurns(rounds: number, turns: number, seconds: number): string {
  return `${rounds} rounds of ${turns} turns of ${seconds} s, ${connections} connections.`;
}

/**
 * Loads two running servers in turn: a machine's speed drifts, so each ratio must be that of two neighbouring turns.
 * Which comes first alternates, so that neither always follows the other's disk writes.
 */
export async function takeTurns(
  contestants: readonly Contestant[],
  turns: number,
  seconds: number,
): Promise<void> {
  for (const contestant of contestants) await takeTurn(contestant, warmUp);
  for (let turn = 0; turn < turns; turn += 1) {
    for (const contestant of turn % 2 ? contestants.toReversed() : contestants) {
      contestant.turns.push(await takeTurn(contestant, seconds));
    }
  }
}

async function takeTurn({ server, key }: Contestant, seconds: number): Promise<Turn> {
  const before = server.processorTime();
  const { requests, rate, p99 } = await load(server.address, { kind: 'add', key, connections, seconds });
  return { adds: rate, processorTime: (server.processorTime() - before) / requests, p99 };
}
