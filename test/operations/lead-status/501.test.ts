/** What HTTP has and this server has not is told apart from what is wrong. */
import { refusesUnknownHttp } from '../shared/501.ts';

refusesUnknownHttp('leadStatus');
