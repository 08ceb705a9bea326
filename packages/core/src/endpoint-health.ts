/** How the latest deliveries to an endpoint were answered: read by the database, shown by the metrics. */
export interface EndpointHealth {
  provider: string;
  /** The endpoint's key. */
  endpoint: string;
  /** The firm's slug; empty for an endpoint of the platform. */
  firm: string;
  /** When it last answered with a 2xx, seconds since 1970; null: never. */
  acknowledgedSeconds: number | null;
  /** From the first to the latest refusal since the last 2xx, seconds; 0 where there was none. */
  failingSeconds: number;
}
