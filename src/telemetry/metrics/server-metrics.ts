import { Counter, Gauge, type Registry } from 'prom-client';
import { droppedLines } from '../log.ts';

/** States of a server's delivery. */
const deliveryStates = ['running', 'waiting', 'paused', 'off'] as const;

export type DeliveryState = (typeof deliveryStates)[number];

/** What the metrics of a server's state read. */
export interface ServerState {
  /** Returns whether the server accepts leads. */
  isReady(): boolean;
  /** Returns the number of this process's calls that wait for the store. */
  waiting(): number;
  /** Returns the state of this server's delivery. */
  deliveryState(): DeliveryState;
}

/** Registers the metrics of a server's state, which are read each time. */
export function registerServerMetrics(
  registers: Registry[],
  { isReady, waiting, deliveryState }: ServerState,
): void {
  new Counter({
    name: 'leads_log_lines_dropped_total',
    help: 'Log lines that were dropped because the reader of standard output stalled or ended.',
    registers,
    collect() {
      this.reset();
      this.inc(droppedLines());
    },
  });
  new Gauge({
    name: 'leads_ready',
    help: '1 while the server accepts leads, as /readyz reports; 0 while its store fails.',
    registers,
    collect() {
      this.set(isReady() ? 1 : 0);
    },
  });
  new Gauge({
    name: 'leads_time_seconds',
    help: 'Clock of this machine when the metrics were read (Unix time).',
    registers,
    collect() {
      this.set(Date.now() / 1_000);
    },
  });
  new Gauge({
    name: 'leads_delivery_state',
    help: "1 for the state of this server's delivery (running, waiting, paused or off), 0 for the others.",
    labelNames: ['state'],
    registers,
    collect() {
      const current = deliveryState();
      for (const state of deliveryStates) this.set({ state }, state === current ? 1 : 0);
    },
  });
  // Read even while the store fails, which is when calls wait.
  new Gauge({
    name: 'leads_store_queue_depth',
    help: 'Store calls of this process in the queue.',
    registers,
    collect() {
      this.set(waiting());
    },
  });
}
