// What happens to the health of backends, as values: both runtimes tell it in this form, and
// `fairlead dev` renders it in one place. Times are milliseconds since 1970.

export type HealthEvent = Ejected | Returned | Overflowed;

/** An endpoint gets no requests until its time is over. */
export interface Ejected {
  readonly kind: "ejected";
  /** The cluster's name, as the IR has it. */
  readonly cluster: string;
  /** `address:port` */
  readonly endpoint: string;
  readonly cause: EjectionCause;
  readonly at: number;
  /** When it is looked at again; absent where the runtime does not tell. */
  readonly until?: number;
}

/** The detectors, by the names of their DestinationRule fields; `other` is one of Envoy's own. */
export type EjectionCause =
  | {
    readonly kind:
      | "consecutive5xxErrors" | "consecutiveGatewayErrors" | "consecutiveLocalOriginFailures";
    /** How many in a row. */
    readonly count: number;
  }
  | { readonly kind: "other"; readonly name: string };

/** An ejection is over. */
export interface Returned {
  readonly kind: "returned";
  readonly cluster: string;
  readonly endpoint: string;
  readonly at: number;
}

/** What a limit held back since it was told last. */
export interface Overflowed {
  readonly kind: "overflowed";
  readonly cluster: string;
  readonly limit: Limit;
  readonly count: number;
  readonly at: number;
}

/**
 *   connections   no further connection (`maxConnections`); the request waits
 *   pending       a request was refused: too many wait (`http1MaxPendingRequests`)
 *   requests      a request was refused: too many are under way (`http2MaxRequests`)
 *   retries       a retry was left out (`maxRetries`)
 *   ejections     an endpoint was spared: too many are out (`maxEjectionPercent`)
 */
export type Limit = "connections" | "pending" | "requests" | "retries" | "ejections";

/** Takes an event; must not throw. */
export type Observe = (event: HealthEvent) => void;
