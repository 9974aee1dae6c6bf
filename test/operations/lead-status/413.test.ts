/** What a stranger can make the server hold in memory is bounded, however the size is declared. */
import { boundsItsBody } from '../shared/413.ts';

boundsItsBody('leadStatus');
