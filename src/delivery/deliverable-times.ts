import type { DeliveryGaps } from '../store/delivery-gaps.ts';

/** Time between two records (ms). */
const interval = 15_000;

/** Time without a record after which it becomes a gap, in addition to the time of an attempt (ms). */
const tolerance = 60_000;

/** Records regularly that leads can be delivered, so that DIAL_WITHIN does not count the times between. */
export class DeliverableTimes {
  readonly #store: Pick<DeliveryGaps, 'recordDeliverable'>;
  readonly #timeout: number;
  #recordedAt = Number.NEGATIVE_INFINITY;

  /** @param timeout maximum time of an attempt (ms) */
  constructor(store: Pick<DeliveryGaps, 'recordDeliverable'>, timeout: number) {
    this.#store = store;
    this.#timeout = timeout;
  }

  /** Records that leads can be delivered now, if that was not recorded recently. @throws if the store fails */
  async record(): Promise<void> {
    if (performance.now() - this.#recordedAt < interval) return;
    await this.#store.recordDeliverable(Date.now(), tolerance + this.#timeout);
    this.#recordedAt = performance.now();
  }
}
