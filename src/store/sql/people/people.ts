import type { PersonDigests } from '../../keys/person-digests.ts';
import type { People } from '../../people.ts';
import type { Change, SqlDatabase } from '../database.ts';
import type { Exclusion } from '../exclusion.ts';
import { erasePerson } from './erase.ts';
import { erasures, erasuresOf, recordErasures } from './erasures.ts';
import { numbers } from './numbers.ts';
import { namesById, personalRows } from './personal-rows.ts';
import { deliveryState, stopDelivery } from './stop-delivery.ts';

/** Exports and erases people in a database. */
export function people(
  database: SqlDatabase,
  digests: PersonDigests,
  { excludeWriters }: Exclusion = {},
): People {
  const exclusive = <Result>(begin: () => Change<Result>) =>
    database.change(function* () {
      if (excludeWriters !== undefined) yield* excludeWriters();
      return yield* begin();
    });
  return {
    ...numbers(database),
    personalRows: (person, ofPerson) => personalRows(database, person, ofPerson),
    namesById: () => namesById(database),
    stopDelivery: (person, isWithdrawing) => exclusive(() => stopDelivery(person, isWithdrawing)),
    deliveryState: (person) => deliveryState(database, person),
    erasePerson: (person, erasure, key) =>
      exclusive(() => erasePerson(person, erasure, digests.of(person.mobile), key)),
    erasures: () => erasures(database),
    erasuresOf: (ofPerson) => database.read(erasuresOf, ofPerson),
    recordErasures: (recorded) => database.change(() => recordErasures(recorded)),
  };
}
