import type { AcceptPorts } from '@semel/core';
import type pg from 'pg';
import { withFirms } from '../connection/pool.js';
import { insertBody } from './bodies.js';
import { commitQuarantine } from './quarantine.js';
import { insertSpill } from './spill.js';

/** The receiver's writes, one transaction each. `spillAgainAfterMs`: when the relay first checks a copy of a queued event. */
export const acceptStore = (
  pool: pg.Pool,
  { spillAgainAfterMs }: { spillAgainAfterMs: number },
): Pick<AcceptPorts, 'spill' | 'quarantine' | 'storeBody'> => ({
  spill: {
    add: (event, body, { inQueue }) =>
      withFirms(pool, { firmIds: [event.firmId] }, (query) =>
        insertSpill(query, event, body, { dueInMs: inQueue ? spillAgainAfterMs : 0 }),
      ),
  },
  quarantine: (entry) => commitQuarantine(pool, entry),
  storeBody: (event, body) =>
    withFirms(pool, { firmIds: [event.firmId] }, (query) => insertBody(query, event, body)),
});
