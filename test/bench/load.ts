// The load generator in its own process: reads one job from its parent, runs it with autocannon, returns the result.
import autocannon from 'autocannon';

export interface LoadJob {
  url: string;
  connections: number;
  seconds: number;
  /** Bodies are base64. With `repeat` they are sent repeatedly, else once each. */
  requests: { path: string; headers: Record<string, string>; body: string }[];
}

export interface LoadResult {
  perSecond: number;
  sent: number;
  ok: number;
  notOk: number;
  /** True if all bodies were used up: then some were sent twice, and the figure includes duplicates. */
  repeated: boolean;
  p50Ms: number;
  p99Ms: number;
}

process.once('message', async (message) => {
  const { url, connections, seconds, requests } = message as LoadJob;
  let client = 0;
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    setupClient(connection) {
      const own = client++;
      const share = requests.filter((_, i) => i % connections === own);
      connection.setRequests(
        share.map(({ path, headers, body }) => ({
          method: 'POST',
          path,
          headers,
          body: Buffer.from(body, 'base64'),
        })),
      );
    },
  });
  const answered = result['2xx'] + result.non2xx;
  process.send?.({
    perSecond: result['2xx'] / result.duration,
    sent: result.requests.sent,
    ok: result['2xx'],
    notOk: result.non2xx + result.errors,
    repeated: answered > requests.length,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
  } satisfies LoadResult);
  process.disconnect();
});
