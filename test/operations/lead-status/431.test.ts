/** An overlong address is refused by the HTTP parser, before any code of the operation: it answers in form all the same. */
import { boundsItsHeaders } from '../shared/431.ts';

boundsItsHeaders('leadStatus');
