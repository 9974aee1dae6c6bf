/** Every store that the program can use, real, is held to the same promises. */
import { keepsEveryPromise } from './promises.ts';
import { stores } from './stores.ts';

for (const store of stores) keepsEveryPromise(store);
