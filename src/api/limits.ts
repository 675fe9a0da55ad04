/** Everything that a caller could make large or slow has an end. */
export const apiLimits = {
  bodyBytesMax: 16 * 1024,
  headerBytesMax: 8 * 1024,
  idCharactersMax: 1024,
  /** Each holder of a lease may wait on one of its own. */
  connectionsMax: 4096,
  /** Of these from one address, where the API is served over the network. */
  addressConnectionsMax: 512,
  /** For a whole request to arrive. */
  requestMs: 10_000,
  /** For a TLS handshake. */
  handshakeMs: 5_000,
  keepAliveMs: 5_000,
  explainMs: 20_000,
  /** For requests under way when the API is closed. */
  closeMs: 2_000,
  /** A token's burst is what it may ask for in so long. */
  burstSeconds: 5,
  /** Who watch the live stream: in all, and with the same token. */
  streamsMax: 256,
  tokenStreamsMax: 128,
  /** Who follow the journal, through one door. */
  eventStreamsMax: 64,
  streamRetryMs: 10_000,
  /** All who ask on the users' socket, together. */
  users: { perSecond: 5, burst: 20, connectionsMax: 64 },
  /** Requests without a good token, from one address. */
  strangers: { perSecond: 1, burst: 20 },
} as const;
