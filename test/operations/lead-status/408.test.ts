/** A sender that stops half-way must not hold a connection for ever, and is told that nothing was done. */
import { cutsOffSlowSenders } from '../shared/408.ts';

cutsOffSlowSenders('leadStatus');
