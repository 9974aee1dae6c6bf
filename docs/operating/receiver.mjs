/**
 * An example of a webhook receiver (`DIALLER=webhook`). It checks the signature of each due lead, stores the lead once,
 * responds, and passes it to your dialler: replace `callPerson`. If a lead is withdrawn (`DIALLER_WITHDRAW=on`), it is not
 * passed on, or is removed from your dialler if it already was: replace `cancelCall`.
 *
 *   npm install standardwebhooks
 *   DIALLER_SECRET=whsec_... PORT=8080 node receiver.mjs
 *
 * The server sends a lead again, with the same id, if it does not know whether the lead arrived. The stored ids make
 * such a repeat harmless, even if this process was restarted in between.
 *
 * After a restore of the server's store, its operator asks who was called since the backup. Keep the phone number, the
 * type and the time of each call in your dialler, for as long as backups are kept: this program does not keep them.
 */
import { createServer } from 'node:http';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';

const { DIALLER_SECRET = '', HOST = '127.0.0.1', PORT = '8080', RECEIVER_FILE = 'receiver.db' } = process.env;
const webhook = new Webhook(DIALLER_SECRET);

// The file contains personal data, so only its owner may read it.
process.umask(0o077);
const database = new DatabaseSync(RECEIVER_FILE);
// By default, SQLite syncs each insert to the disk before it returns.
database.exec('CREATE TABLE IF NOT EXISTS lead (id TEXT PRIMARY KEY, event TEXT) STRICT');
database.exec('CREATE TABLE IF NOT EXISTS withdrawn (id TEXT PRIMARY KEY) STRICT');
const insert = database.prepare('INSERT INTO lead (id, event) VALUES (?, ?) ON CONFLICT DO NOTHING');
const firstWaiting = database.prepare('SELECT id, event FROM lead WHERE event IS NOT NULL LIMIT 1');
// The id remains, so that a repeat is recognised; the personal data does not.
const markPassed = database.prepare('UPDATE lead SET event = NULL WHERE id = ?');

const leadWith = database.prepare('SELECT event FROM lead WHERE id = ?');
const withdrawalOf = database.prepare('SELECT id FROM withdrawn WHERE id = ?');
// A lead that arrives later is not passed on either.
const drop = database.prepare('INSERT INTO lead (id) VALUES (?) ON CONFLICT DO UPDATE SET event = NULL');
const markWithdrawn = database.prepare('INSERT INTO withdrawn (id) VALUES (?)');

/** Passes a lead to your dialler. If the process ends meanwhile, the next start calls it again with the same id. */
async function callPerson({ id, mobile, type }) {
  console.log(`Call ${mobile} about ${type}: lead ${id}`);
}

/**
 * Removes a lead that was passed to your dialler. Returns true if nobody will call the person for it, and false if somebody
 * has already called or is calling now. It can be called again with the same id.
 */
async function cancelCall({ id, mobile, type }) {
  console.log(`Do not call ${mobile} about ${type}: lead ${id}`);
  return false;
}

let isPassing = false;
/** Id of the lead that `callPerson` is passing on. */
let passingId;

/** Passes the stored leads to the dialler, one after the other. */
async function passLeads() {
  if (isPassing) return;
  isPassing = true;
  try {
    for (let lead = firstWaiting.get(); lead !== undefined; lead = firstWaiting.get()) {
      passingId = lead.id;
      await callPerson(JSON.parse(lead.event).data);
      markPassed.run(lead.id);
      passingId = undefined;
    }
  } catch (error) {
    console.error('Passing a lead failed; the next attempt is in ten seconds.', error);
    setTimeout(passLeads, 10_000);
  } finally {
    isPassing = false;
    passingId = undefined;
  }
}

/** Withdraws a lead. Returns the status: 2xx if nobody will call its person, 409 if it is too late. */
async function withdraw(lead) {
  const { id } = lead;
  if (withdrawalOf.get(id) !== undefined) return 204;
  if (id === passingId) return 503;
  const wasPassed = leadWith.get(id)?.event === null;
  if (wasPassed && !(await cancelCall(lead))) return 409;
  database.exec('BEGIN');
  drop.run(id);
  markWithdrawn.run(id);
  database.exec('COMMIT');
  console.log(`Lead ${id} is withdrawn.`);
  return 204;
}

/** Returns the status for a request: 2xx only once the lead is stored, or withdrawn. */
async function receive(request) {
  if (request.method !== 'POST' || request.url !== '/leads') return 404;
  const event = await text(request);
  try {
    webhook.verify(event, request.headers);
  } catch (error) {
    console.error(`A request was rejected: ${error.message}.`);
    return 401;
  }
  const { type, data } = JSON.parse(event);
  if (type === 'lead.withdraw') return withdraw(data);
  if (type !== 'lead.due') return 422;
  const { changes } = insert.run(request.headers['webhook-id'], event);
  if (changes === 0) console.log(`Lead ${request.headers['webhook-id']} arrived again.`);
  return 204;
}

const server = createServer(async (request, response) => {
  try {
    response.writeHead(await receive(request)).end();
  } catch (error) {
    // The lead is not stored, and 503 makes the server send it again.
    console.error('A request failed.', error);
    response.writeHead(503).end();
  }
  void passLeads();
});
server.listen(Number(PORT), HOST, () => console.log(`Listening on ${server.address().port}`));
void passLeads();
