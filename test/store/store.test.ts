/** Every store behaves the same. */
import { testConformance } from './conformance.ts';
import { stores } from './stores.ts';

for (const store of stores) testConformance(store);
