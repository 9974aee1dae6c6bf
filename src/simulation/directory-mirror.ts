import type { DirectoryCopies } from '../store/directory-copy.ts';
import { repeatAfter } from './simulation-times.ts';

/** Time for which a copy of the directory is used (ms). */
const lifetime = 1_000;

/** Keeps the partners, lead types and grants of the test data like those of the live data. */
export class DirectoryMirror {
  readonly #live: Pick<DirectoryCopies, 'directory'>;
  readonly #copy: Pick<DirectoryCopies, 'copyDirectory'>;
  #copied = '';
  #readAt = Number.NEGATIVE_INFINITY;
  /** The refresh in progress, or the last one. */
  #refresh: Promise<void> = Promise.resolve();

  constructor(live: Pick<DirectoryCopies, 'directory'>, copy: Pick<DirectoryCopies, 'copyDirectory'>) {
    this.#live = live;
    this.#copy = copy;
  }

  /** Resolves once the copy is at most a second old. @throws if a store fails */
  refreshed(): Promise<void> {
    const now = performance.now();
    if (now - this.#readAt > lifetime) {
      this.#readAt = now;
      this.#refresh = this.#copyOnce();
    }
    return this.#refresh;
  }

  async #copyOnce(): Promise<void> {
    try {
      const directory = await this.#live.directory();
      const copied = JSON.stringify(directory);
      if (copied === this.#copied) return;
      await this.#copy.copyDirectory(directory, repeatAfter);
      this.#copied = copied;
    } catch (error) {
      // The next request tries again.
      this.#readAt = Number.NEGATIVE_INFINITY;
      throw error;
    }
  }
}
