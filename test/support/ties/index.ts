import { charges, refunds } from './charges.js';
import { checkouts } from './checkouts.js';
import { disputes } from './disputes.js';
import { intents } from './intents.js';
import { invoices } from './invoices.js';
import { atSquare } from './square.js';
import type { Tie } from './tie.js';

export type { Tie };
export const ties: readonly Tie[] = [
  ...intents,
  ...invoices,
  ...charges,
  ...refunds,
  ...disputes,
  ...checkouts,
  ...atSquare,
];
