import type { IncomingMessage } from 'node:http';
import type { Log } from '../telemetry/log.ts';
import { proxyCheck, type TrustedProxies } from './client-address.ts';

/** Networks in which a reverse proxy usually is. A proxy elsewhere may be a partner's, which must not be trusted. */
const ownNetworks = ['loopback', 'linklocal', 'uniquelocal'];

/**
 * Returns a check of the requests of partners. It warns once if they are forwarded by a proxy of the own network that
 * is not trusted: to the server, all partners then have the address of the proxy.
 */
export function untrustedProxyCheck(
  trusted: TrustedProxies,
  log: Pick<Log, 'warn'>,
): (incoming: Pick<IncomingMessage, 'headers' | 'socket'>) => void {
  const isTrusted = proxyCheck(trusted);
  const isOwn = proxyCheck(ownNetworks);
  let hasWarned = false;
  return ({ headers, socket }) => {
    const address = socket.remoteAddress;
    if (hasWarned || headers['x-forwarded-for'] === undefined || address === undefined) return;
    if (isTrusted(address) || !isOwn(address)) return;
    hasWarned = true;
    log.warn(
      { address },
      'Requests of partners are forwarded by an address that is not in TRUST_PROXY, so their connections and requests are limited together, as those of one client. If it is your reverse proxy, add it to TRUST_PROXY and restart the server.',
    );
  };
}
