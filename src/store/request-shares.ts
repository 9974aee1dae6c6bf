/** What a server needs of the requests that all servers together may send to their dialler at once. */
export interface ShareTerms {
  /** Unique id of the server. */
  server: string;
  /** Maximum number of requests of all servers together. */
  total: number;
  /** Maximum number of requests of this server. */
  max: number;
  /** Number of requests that this server may have in flight now: other servers cannot have a share of these yet. */
  held: number;
  /** Time after which the share ends unless it is renewed (ms). */
  duration: number;
}

/** A server's share of the requests. */
export interface RequestShare {
  /** Number of requests that it may send at once from now on; 0: other servers have all. */
  requests: number;
  /** Whether the shares are not evenly distributed yet: it or others will get more at the next renewals. */
  isChanging: boolean;
}

/** Distributes the requests to the dialler among the servers of a store. */
export interface RequestShares {
  /**
   * Renews the share of a server. All shares never add up to more than `total`: a server that joins gets what the
   * others leave, and these leave their part at their next renewal. If there are more servers than requests, those that
   * joined last get none until another one leaves.
   */
  renewRequestShare(terms: ShareTerms): Promise<RequestShare>;
  /** Ends the share of a server, so that others can have it. */
  endRequestShare(server: string): Promise<void>;
}
