import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { newIdentifier } from '../../src/leads/identifier.ts';
import { digestOf, newKey } from '../../src/partners/key.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { post, type Target } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { secret } from '../harness/dispatch.ts';
import { mobileOf } from '../harness/mobile.ts';
import { type AtEnd, startUntil } from '../harness/process.ts';
import { startReceiver } from '../harness/receiver.ts';
import { untilListening } from '../harness/server-process.ts';

/** What happened to the people of a race. */
export interface RaceReport {
  /** Number of deliveries that the dialler received. */
  delivered: number;
  /** Number of leads that the servers withdrew from the dialler. */
  withdrawn: number;
  /** Number of objections acknowledged. */
  objections: number;
  /** Number of erasures reported. */
  erasures: number;
  /** Numbers that the dialler received after their objection was acknowledged. */
  calledAfterObjection: string[];
  /** Numbers that the dialler received after their erasure was reported. */
  calledAfterErasure: string[];
  /** Numbers whose lead the dialler still has at the end, although the person objected. */
  notWithdrawn: string[];
  /** Numbers of which the store contains a lead at the end, although the person was erased. */
  notErased: string[];
  wrongResponses: string[];
}

/** Number of people whose requests are in flight at a time. */
const concurrency = 48;

/** Number of erasing processes at a time. */
const erasers = 2;

/** Maximum time for the last deliveries and withdrawals (ms). */
const maxSettling = 120_000;

/** The first person of a race: other proofs use smaller numbers. */
const firstPerson = 5_000_000;

const person = requestValue('addLead', 'accepted');

/**
 * Two servers accept and deliver leads, while a third of the people object under `mobile`, a third under `other_phone`,
 * and an operator erases the others: each while the lead is added, claimed, delivered or withdrawn.
 *
 * @param atEnd registers how each process is ended if the race fails
 * @param people number of people
 */
export async function objectionRaces(atEnd: AtEnd, url: string, people: number): Promise<RaceReport> {
  const race = new Race(atEnd, url, people);
  await race.run();
  return race.report;
}

/** Two servers of one store, a dialler, and what it received. */
class Race {
  readonly report: RaceReport = {
    delivered: 0,
    withdrawn: 0,
    objections: 0,
    erasures: 0,
    calledAfterObjection: [],
    calledAfterErasure: [],
    notWithdrawn: [],
    notErased: [],
    wrongResponses: [],
  };
  readonly #objected = new Set<string>();
  readonly #erased = new Set<string>();
  /** People whose lead was added, whom nobody erases yet. */
  #toErase: string[] = [];
  #isAdding = true;
  readonly #atEnd: AtEnd;
  readonly #url: string;
  readonly #people: number;

  constructor(atEnd: AtEnd, url: string, people: number) {
    this.#atEnd = atEnd;
    this.#url = url;
    this.#people = people;
  }

  async run(): Promise<void> {
    const store = await openStore(this.#url);
    try {
      const targets = await this.#startServers(store);
      await Promise.all([this.#addAll(targets), ...Array.from({ length: erasers }, () => this.#eraseAll())]);
      await this.#settle(store);
      for await (const { mobile } of store.leads({}, Number.MAX_SAFE_INTEGER)) {
        if (this.#erased.has(mobile)) this.report.notErased.push(mobile);
      }
    } finally {
      await store.close();
    }
  }

  async #startServers(store: Store): Promise<Target[]> {
    const key = newKey();
    const type = `race-${newIdentifier()}`;
    await store.addType(type, null);
    const partner = await store.addPartner(type, [type]);
    await store.addKey(partner.name, newIdentifier(), digestOf(key));
    this.#type = type;
    const receiver = await startReceiver(this.#receive, 0, this.#atEnd);
    Object.assign(this.#environment, { DIALLER_URL: receiver.url, ...this.#keyFiles() });
    const servers = await Promise.all(
      [1, 2].map(() => untilListening(startUntil(this.#atEnd, 'src/main.ts', [], this.#environment), false)),
    );
    return servers.map(({ target }) => ({ url: target.url, key }));
  }

  #type = '';

  readonly #environment: Record<string, string> = {
    PORT: '0',
    BOOTSTRAP: 'off',
    RATE_LIMIT: 'off',
    OBJECTIONS_PER_DAY: '10000000',
    DIALLER: 'webhook',
    DIALLER_SECRET: secret,
    DIALLER_WITHDRAW: 'on',
  };

  #keyFiles(): Record<string, string> {
    const directory = mkdtempSync(join(tmpdir(), 'leads-race-'));
    this.#atEnd(() => rmSync(directory, { recursive: true, force: true }));
    const file = join(directory, 'store.key');
    writeFileSync(file, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
    return { DATABASE_URL: this.#url, STORE_KEY_FILE: file, ERASURE_LOG: join(directory, 'erasures') };
  }

  /** Notes the numbers that arrive too late. Some responses outlast the wait of an objection (two seconds). */
  readonly #receive: Parameters<typeof startReceiver>[0] = ({ body }, outgoing) => {
    const { type, data } = JSON.parse(body);
    const isWithdrawal = type === 'lead.withdraw';
    if (isWithdrawal) this.report.withdrawn += 1;
    else {
      this.report.delivered += 1;
      for (const number of [data.mobile, data.submitted.other_phone]) {
        if (this.#objected.has(number)) this.report.calledAfterObjection.push(number);
        if (this.#erased.has(number)) this.report.calledAfterErasure.push(number);
      }
    }
    const delay = !isWithdrawal && Math.random() < 0.01 ? 2_500 : Math.random() * 100;
    setTimeout(() => outgoing.writeHead(204).end(), delay);
  };

  async #addAll(targets: readonly Target[]): Promise<void> {
    let next = 0;
    const worker = async () => {
      while (next < this.#people) {
        const index = next;
        next += 1;
        await this.#addOne(index, targets);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    this.#isAdding = false;
  }

  async #addOne(index: number, targets: readonly Target[]): Promise<void> {
    const [mobile, other] = [0, 1].map((each) => mobileOf(firstPerson + 2 * index + each)) as [
      string,
      string,
    ];
    const body = { ...person, type: this.#type, mobile, other_phone: other };
    // Half of the people object at the server to which their lead was not added.
    const [one, another] = [targets[index % 2], targets[Math.floor(index / 2) % 2]] as [Target, Target];
    const adding = this.#send(one, 'addLead', body);
    // Every fourth objection arrives while the lead is being added.
    if (index % 4 > 0) await adding;
    // From before the claim until after the delivery, also on a busy machine.
    await sleep(Math.random() ** 3 * 2_000);
    if (index % 3 === 2) {
      await adding;
      this.#toErase.push(mobile);
      return;
    }
    const objecting = index % 3 === 0 ? mobile : other;
    await this.#send(another, 'doNotCall', { mobile: objecting });
    this.#objected.add(objecting);
    this.report.objections += 1;
    await adding;
  }

  async #send(target: Target, operation: 'addLead' | 'doNotCall', body: unknown): Promise<void> {
    const { status, text } = await post(target, operation, body);
    if (status !== 200) this.report.wrongResponses.push(`${operation}: ${status} ${text}`);
  }

  async #eraseAll(): Promise<void> {
    while (this.#isAdding || this.#toErase.length > 0) {
      const numbers = this.#toErase;
      this.#toErase = [];
      if (numbers.length > 0) await this.#erase(numbers);
      else await sleep(10);
    }
  }

  /** Erases people. The command prints one line for each of them, in their order, as soon as the person is erased. */
  async #erase(numbers: readonly string[]): Promise<void> {
    const words = ['person', 'erase', '-', '--yes', '--json'];
    const child = startUntil(this.#atEnd, 'src/cli.ts', words, this.#environment);
    let problems = '';
    child.stderr.on('data', (chunk) => {
      problems += chunk;
    });
    child.stdin.end(`${numbers.join('\n')}\n`);
    let count = 0;
    const reading = (async () => {
      for await (const line of createInterface(child.stdout)) {
        const number = numbers[count];
        if (number === undefined || !line.includes('"digest"')) continue;
        this.#erased.add(number);
        count += 1;
      }
    })();
    await new Promise((resolve) => child.once('close', resolve));
    await reading;
    this.report.erasures += count;
    if (count < numbers.length) this.report.wrongResponses.push(`person erase: ${problems}`);
  }

  /** Waits until every lead has ended, and the dialler has none of a person who objected. */
  async #settle(store: Store): Promise<void> {
    const deadline = Date.now() + maxSettling;
    for (;;) {
      let scheduled = 0;
      this.report.notWithdrawn = [];
      for await (const { state, mobile } of store.leads({}, Number.MAX_SAFE_INTEGER)) {
        if (state === 'scheduled') scheduled += 1;
        if (state === 'dialled' && this.#objected.has(mobile)) this.report.notWithdrawn.push(mobile);
      }
      if (scheduled + this.report.notWithdrawn.length === 0 || Date.now() > deadline) return;
      await sleep(200);
    }
  }
}
