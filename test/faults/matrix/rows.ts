/** The crash matrix: each fault, and what must hold. Each row has tests here whose names begin with its number. */
export const rows: readonly { fault: string; holds: string }[] = [
  { fault: 'receiver dies before the claim', holds: 'the retry is `accepted`' },
  {
    fault: 'receiver dies after the claim, before the enqueue',
    holds: 'the retry is enqueued and acknowledged, one effect',
  },
  { fault: 'receiver dies after the enqueue, before the confirm', holds: 'one job, one effect' },
  {
    fault: 'receiver dies after the confirm, before the response',
    holds: 'the retry is `duplicate`, one effect',
  },
  {
    fault:
      'worker dies before the transaction, inside it, after the commit before the claim is `done`, or before the job completes',
    holds: 'one effect',
  },
  {
    fault: 'connection cut while COMMIT is in flight; stalls exhausted after a commit',
    holds: 'one effect, no `failed` or `dead` over it',
  },
  {
    fault: 'worker frozen past its lock, inside a transaction; the job runs elsewhere; the first thaws',
    holds: 'one effect; the delay of other events stays bounded',
  },
  { fault: 'Redis killed and restarted under load', holds: 'nothing acknowledged lost' },
  {
    fault: 'Redis flushed under load, after the relay ran',
    holds: 'one effect each; with durability `postgres` nothing acknowledged lost',
  },
  {
    fault: 'Redis unreachable, frozen, or at `maxmemory`',
    holds:
      'spilled, then all applied without help, in bounded time; the 99th percentile of answer times stays bounded meanwhile',
  },
  {
    fault: 'Postgres unreachable under load, longer than the longest retry schedule',
    holds: 'receivers keep answering 200; nothing lost, nothing `dead`',
  },
  { fault: 'both unreachable', holds: '503 with `Retry-After`; recovery without a restart' },
  {
    fault: 'receiver and worker started while Redis, Postgres or both are unreachable',
    holds: 'clear state in `/readyz`, no hang, no 404; both become ready by themselves',
  },
  {
    fault: 'network to either store slow, trickling, half-open, silent, reset',
    holds: 'no request beyond its budget',
  },
  {
    fault: 'poison event',
    holds:
      'the other events of its group are applied; it ends `dead`; redelivery or replay after a fix applies it once',
  },
  {
    fault: '1,000 concurrent deliveries of one event over two receivers',
    holds: 'one `accepted`, 999 `duplicate`, one effect',
  },
  {
    fault: 'SIGTERM to everything under load, restart; rolling restart with an older worker still running',
    holds: 'requests in flight answered, nothing lost, exit in time',
  },
  {
    fault: 'the same id signed by two firms, in either order, found by claim, job, spill and ledger',
    holds:
      'applied for one firm, for the first if claim, job or ledger know which one that was; the other is in quarantine with an alert, never `duplicate`, and `quarantine release` applies it for its own firm',
  },
];
