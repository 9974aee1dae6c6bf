/** Every store that the program can use, real, is held to the same promises. */
import { keepsEveryPromise } from './conformance.ts';
import { stores } from './stores.ts';

for (const store of stores) keepsEveryPromise(store);
