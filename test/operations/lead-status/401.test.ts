/** A stranger gets nothing done, and learns nothing of which keys exist. */
import { refusesStrangers } from '../shared/401.ts';

refusesStrangers('leadStatus');
