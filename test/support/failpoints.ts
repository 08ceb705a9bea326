import type { AcceptPorts, ApplyPorts, Provider } from '@semel/core';

// Points where a fault run kills, breaks or pauses a process. They wrap the ports of the two main paths, so that the
// product's code does not contain them.

export const acceptFailpoints = [
  'accept.beforeClaim',
  'accept.claimed',
  'accept.spilled',
  'accept.enqueued',
  'accept.confirmed',
] as const;
export const applyFailpoints = [
  'apply.beforeTransaction',
  'apply.insideTransaction',
  'apply.committed',
  'apply.claimDone',
] as const;
export type Failpoint = (typeof acceptFailpoints)[number] | (typeof applyFailpoints)[number];

/** `exit` ends the process at once, as a crash would, with `exitedAtFailpoint`. */
export type FailpointAction = 'exit' | 'throw' | 'pause';

export interface ArmedFailpoint {
  at: Failpoint;
  action: FailpointAction;
  /** Only for `pause`. */
  pauseMs?: number;
}

/** The exit code that distinguishes an intended crash from any other. */
export const exitedAtFailpoint = 77;

export interface Failpoints {
  /** The next call hits it; it is armed for one call. */
  arm(armed: ArmedFailpoint): void;
  disarm(): void;
  aroundAccept(ports: AcceptPorts, provider: Provider): AcceptPorts;
  aroundApply(ports: ApplyPorts, provider: Provider): ApplyPorts;
}

/** `onHit` is called before the action, except for `exit`, which the exit code reports. */
export function createFailpoints(onHit: (armed: ArmedFailpoint) => void): Failpoints {
  let armed: ArmedFailpoint | null = null;

  async function pass(at: Failpoint): Promise<void> {
    if (armed?.at !== at) return;
    const { action, pauseMs = 0 } = armed;
    const hit = armed;
    armed = null;
    if (action === 'exit') process.exit(exitedAtFailpoint);
    onHit(hit);
    if (action === 'throw') throw new Error(`failpoint ${at}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  /** Runs `call` between two failpoints. */
  const between = async <T>(
    before: Failpoint | null,
    call: () => Promise<T>,
    after: Failpoint | null,
  ): Promise<T> => {
    if (before !== null) await pass(before);
    const result = await call();
    if (after !== null) await pass(after);
    return result;
  };

  return {
    arm: (next) => {
      armed = next;
    },
    disarm: () => {
      armed = null;
    },
    aroundAccept: (ports) => ({
      ...ports,
      claims: {
        acquire: (event) =>
          between('accept.beforeClaim', () => ports.claims.acquire(event), 'accept.claimed'),
        confirm: (event) => between(null, () => ports.claims.confirm(event), 'accept.confirmed'),
      },
      spill: {
        add: (event, body, options) =>
          between(null, () => ports.spill.add(event, body, options), 'accept.spilled'),
      },
      queue: {
        ...ports.queue,
        add: (event, backlog) => between(null, () => ports.queue.add(event, backlog), 'accept.enqueued'),
        requeue: (event) => between(null, () => ports.queue.requeue(event), 'accept.enqueued'),
      },
    }),
    aroundApply: (ports) => ({
      ...ports,
      transaction: (firmIds, work) =>
        between(
          'apply.beforeTransaction',
          () => ports.transaction(firmIds, (tx) => between(null, () => work(tx), 'apply.insideTransaction')),
          'apply.committed',
        ),
      claimsDone: (events) => between(null, () => ports.claimsDone(events), 'apply.claimDone'),
    }),
  };
}
