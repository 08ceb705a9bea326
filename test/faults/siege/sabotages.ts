import type { Edit } from '../sabotages.js';

/** A bound taken away on purpose, and the attack that must notice. */
export interface SiegeSabotage {
  name: string;
  what: string;
  attack: string;
  scale: number;
  edits: readonly Edit[];
}

const rawBody = 'apps/receiver/src/plugins/raw-body.ts';

export const siegeSabotages: readonly SiegeSabotage[] = [
  {
    name: 'no-body-budget',
    what: 'large bodies are read whatever others hold',
    attack: 'unfinished-bodies',
    scale: 1,
    edits: [
      {
        file: rawBody,
        find: 'const uncountedBytes = 64 * 1024;',
        replace: 'const uncountedBytes = 64 * 1024 * 1024;',
      },
    ],
  },
  {
    name: 'no-value-limit',
    what: 'bodies of millions of values are parsed',
    attack: 'docusign-numbers',
    scale: 1,
    edits: [
      {
        file: 'packages/providers/src/read-body.ts',
        find: 'const mostValues = 1_000_000;',
        replace: 'const mostValues = 1_000_000_000;',
      },
    ],
  },
  {
    name: 'no-object-limit',
    what: 'an event may change any number of objects',
    attack: 'many-objects',
    scale: 0.15,
    edits: [
      {
        file: 'packages/core/src/plan-event.ts',
        find: 'export const mostObjects = 1_000;',
        replace: 'export const mostObjects = 1_000_000;',
      },
    ],
  },
  {
    name: 'no-priorities',
    what: 'jobs run in the order in which they came, whoever sent them',
    attack: 'poison',
    scale: 0.3,
    edits: [
      {
        file: 'packages/queue/src/firm-backlog.ts',
        find: 'const lowestPriority = 2_000;',
        replace: 'const lowestPriority = 0;',
      },
    ],
  },
  {
    name: 'no-places',
    what: 'slow events of one firm may take every place of a worker',
    attack: 'slow-handlers',
    scale: 1,
    edits: [
      {
        file: 'apps/worker/src/provider-worker.ts',
        find: 'createPlaces(Math.ceil(options.concurrency * slowShareOfFirm))',
        replace: 'createPlaces(Number.POSITIVE_INFINITY)',
      },
    ],
  },
  {
    name: 'no-share-of-deliveries',
    what: 'one destination may take every place of the outbox, and is tried again however silent it is',
    attack: 'dead-destination',
    scale: 0.3,
    edits: [
      {
        file: 'apps/worker/src/outbox/outbox-worker.ts',
        find: 'ofDestination: createPlaces(Math.ceil(options.concurrency * deliveryShares.ofDestination), 0)',
        replace: 'ofDestination: createPlaces(Number.POSITIVE_INFINITY, 0)',
      },
      {
        file: 'apps/worker/src/outbox/outbox-worker.ts',
        find: 'ofFirm: createPlaces(Math.ceil(options.concurrency * deliveryShares.ofFirm), 0)',
        replace: 'ofFirm: createPlaces(Number.POSITIVE_INFINITY, 0)',
      },
    ],
  },
  {
    name: 'no-direct-apply',
    what: 'spilled events wait until Redis has room again',
    attack: 'redis-full',
    scale: 1,
    edits: [
      {
        file: 'apps/worker/src/relay.ts',
        find: "[namesIn('closed'), namesIn('full')]",
        replace: "[namesIn('closed'), [] as string[]]",
      },
    ],
  },
  {
    name: 'blocking-log',
    what: 'log lines are written before the request goes on, and each refusal has one',
    attack: 'deaf-log',
    scale: 1,
    edits: [
      {
        file: 'packages/telemetry/src/bounded-output.ts',
        find: 'sync: false,',
        replace: 'sync: true,',
      },
      {
        file: 'apps/receiver/src/plugins/refusal-log.ts',
        find: 'if (known !== undefined) known.count++;',
        replace: "if (known !== undefined) log.warn({ pad: 'x'.repeat(2_000) }, 'webhook.rejected');",
      },
    ],
  },
];
