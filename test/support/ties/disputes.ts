import { of, type Tie, tiesOf } from './tie.js';

const dispute = tiesOf('stripe', 'dispute du_1');
const evidence = (submission_count: number, due_by: number) => ({
  evidence_details: { submission_count, due_by },
});
export const disputes: Tie[] = [
  dispute(
    'a dispute from its beginning to its end',
    of('du_1', [
      ['charge.dispute.created'],
      ['charge.dispute.funds_withdrawn', { balance_transactions: [{}] }],
      ['charge.dispute.updated', { balance_transactions: [{}], ...evidence(1, 1_800_000_000) }],
      ['charge.dispute.closed', { balance_transactions: [{}] }],
    ]),
    { status: 'lost' },
  ),
  dispute(
    'evidence is handed in, and more of it',
    of('du_1', [
      ['charge.dispute.created', evidence(0, 1_800_000_000)],
      ['charge.dispute.updated', { status: 'needs_response', ...evidence(1, 1_800_000_060) }],
      ['charge.dispute.updated', { status: 'needs_response', ...evidence(2, 1_800_000_120) }],
    ]),
    { status: 'needs_response', due_at: '2027-01-15T08:02:00.000Z' },
  ),
  dispute(
    'an amount that is withdrawn',
    of('du_1', [
      ['charge.dispute.created', { amount: 300 }],
      ['charge.dispute.updated', { status: 'needs_response', amount: 500 }],
      ['charge.dispute.funds_withdrawn', { amount: 700, balance_transactions: [{}] }],
    ]),
    { amount: 700 },
  ),
];
