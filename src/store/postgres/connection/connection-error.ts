import pg from 'pg';
import { StoreUnavailable } from '../../store-unavailable.ts';
import { NotConnected, reasonOf } from './errors.ts';

/** What an operator can do about a failed connection. */
interface Remedy {
  text: string;
  /** Whether a retry fails too until an operator has changed something. */
  isPermanent?: boolean;
}

/** Where an operator configures connections. */
const configuration = 'the URL or the service of the store';

const unreachable: Remedy = {
  text: 'Check the address, and the network and the firewalls between this machine and PostgreSQL.',
};
const notListening: Remedy = {
  text: 'Check that PostgreSQL is running, and that it listens on this address and port.',
};
const unknownHost: Remedy = { text: `Check the host in ${configuration}, and the DNS of this machine.` };
const noFile: Remedy = {
  text: `Check the path of the file in ${configuration}, and that this user can read it.`,
  isPermanent: true,
};
const untrusted: Remedy = {
  text: `Set sslrootcert in ${configuration} to the certificate of the authority that has signed PostgreSQL's, and use the host name that PostgreSQL's certificate contains.`,
  isPermanent: true,
};
const unknownCause: Remedy = {
  text: `Check that PostgreSQL is running, and the host and the port in ${configuration}.`,
};

/** By SQLSTATE (PostgreSQL's appendix A). */
const rejected: Readonly<Record<string, Remedy>> = {
  '28P01': {
    text: `Correct the user or the password in ${configuration}, in PGPASSWORD or in the password file.`,
    isPermanent: true,
  },
  '28000': {
    text: `Check the user in ${configuration}, and its lines in pg_hba.conf on PostgreSQL's machine.`,
    isPermanent: true,
  },
  '3D000': { text: `Create the database, or correct its name in ${configuration}.`, isPermanent: true },
  '42501': { text: 'Grant CONNECT on the database to this user.', isPermanent: true },
  '53300': { text: "Raise max_connections in PostgreSQL's configuration, or lower DATABASE_CONNECTIONS." },
  '57P03': { text: 'Wait until PostgreSQL accepts connections.' },
};

/** By the code of an error of the system. */
const failed: Readonly<Record<string, Remedy>> = {
  ECONNREFUSED: notListening,
  ENOTFOUND: unknownHost,
  EAI_AGAIN: unknownHost,
  ETIMEDOUT: unreachable,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
};

/**
 * By message: the driver's errors have no code, and PostgreSQL reports an empty password with the same SQLSTATE as a
 * wrong one.
 */
const byMessage: readonly [RegExp, Remedy, reason?: string][] = [
  [
    /client password must be a|empty password returned by client/,
    {
      text: `Add it to ${configuration}, or add a line for this host, port, database and user to the password file (PGPASSFILE).`,
      isPermanent: true,
    },
    'PostgreSQL requires a password, and none was found',
  ],
  [
    /does not support SSL connections/,
    {
      text: `Set up TLS in PostgreSQL's configuration (ssl = on). Only if nobody else can read the network, set sslmode=disable in ${configuration}.`,
      isPermanent: true,
    },
    'PostgreSQL does not offer TLS',
  ],
  [
    /Peer authentication failed/,
    {
      text: `On a socket with peer authentication, PostgreSQL accepts only the operating system's user of the same name. As root, run the command as this user, such as with \`runuser -u leads -- ...\`; otherwise correct the user in ${configuration}.`,
      isPermanent: true,
    },
  ],
  [/connection timeout|timeout expired/, unreachable, 'no response within 3 s'],
];

/** Returns an error that reports why no connection could be made, and what to do about it. */
export function connectionError(error: unknown): Error {
  const reason = reasonOf(error);
  if (reason.includes('timeout exceeded when trying to connect')) {
    return new StoreUnavailable('All connections to PostgreSQL are in use, or it does not respond.', {
      cause: error,
    });
  }
  const [, known, ownReason] = byMessage.find(([pattern]) => pattern.test(reason)) ?? [];
  const { text, isPermanent = false } = known ?? remedyFor(error);
  return new NotConnected(
    `The connection to PostgreSQL failed (${ownReason ?? reason}). ${text}`,
    { cause: error },
    isPermanent,
  );
}

function remedyFor(error: unknown): Remedy {
  if (!(error instanceof Error) || !('code' in error)) return unknownCause;
  const code = String(error.code);
  if (error instanceof pg.DatabaseError) return rejected[code] ?? unknownCause;
  const call = 'syscall' in error ? error.syscall : undefined;
  if (call === 'open') return noFile;
  // The socket of a PostgreSQL server that is not running does not exist.
  if (call === 'connect' && code === 'ENOENT') return notListening;
  return failed[code] ?? (/CERT|SIGNATURE|ISSUER/.test(code) ? untrusted : unknownCause);
}
