import { RecentValue } from '../limits/recent-value.ts';
import type { NumberRegistries, RegistryRecord } from '../store/number-registries.ts';
import type { ScreeningOfType, ScreeningOfTypes } from '../store/type-screening.ts';

/** How numbers are screened. */
export interface CurrentScreening {
  /** By each name of a type. */
  types: ReadonlyMap<string, ScreeningOfType>;
  /** By name. */
  registries: ReadonlyMap<string, RegistryRecord>;
}

/** The part of a store that it reads. */
type ScreeningStore = Pick<NumberRegistries, 'registries'> & Pick<ScreeningOfTypes, 'screeningOfTypes'>;

/** Reads how the numbers of all lead types are screened, up to once a second. */
export class ScreeningByType {
  readonly #store: ScreeningStore;
  readonly #recent = new RecentValue(() => this.#read());

  constructor(store: ScreeningStore) {
    this.#store = store;
  }

  /** Returns how numbers are screened. Reads it if it is older than a second. @throws if that fails */
  current(): CurrentScreening | Promise<CurrentScreening> {
    return this.#recent.current();
  }

  async #read(): Promise<CurrentScreening> {
    const types = await this.#store.screeningOfTypes();
    const isAnyRequired = types.some(({ registries }) => registries.length > 0);
    const registries = isAnyRequired ? await this.#store.registries() : [];
    return {
      types: new Map(types.map((type) => [type.name, type])),
      registries: new Map(registries.map((registry) => [registry.name, registry])),
    };
  }
}
