/** A client that speaks another version learns which one to speak. */
import { refusesOtherVersions } from '../shared/505.ts';

refusesOtherVersions('cancelLead');
