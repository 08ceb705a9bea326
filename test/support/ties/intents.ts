import { of, type Tie, tiesOf } from './tie.js';

const intent = tiesOf('stripe', 'payment pi_1');
const error = (code: string) => ({ last_payment_error: { code, message: 'No.' } });
const attempts = (total_count: number) => ({ charges: { object: 'list', data: [], total_count } });

export const intents: Tie[] = [
  intent(
    'a payment that is under way',
    of('pi_1', [
      ['payment_intent.created'],
      ['payment_intent.created', { status: 'requires_confirmation', $event: { type: 'payment_intent.x' } }],
      ['payment_intent.requires_action'],
      ['payment_intent.processing'],
    ]),
    { status: 'processing', failure_code: null },
  ),
  intent(
    'a payment that waits for the customer',
    of('pi_1', [
      ['payment_intent.created'],
      ['payment_intent.created', { status: 'requires_confirmation', $event: { type: 'payment_intent.x' } }],
      ['payment_intent.requires_action'],
    ]),
    { status: 'requires_action' },
  ),
  intent(
    'a payment that fails',
    of('pi_1', [
      ['payment_intent.created'],
      ['payment_intent.requires_action'],
      ['payment_intent.processing'],
      ['payment_intent.payment_failed', error('card_declined')],
    ]),
    { status: 'requires_payment_method', failure_code: 'card_declined', failure_message: 'No.' },
  ),
  intent(
    'a payment of an API version of 2018 that fails',
    of('pi_1', [
      ['payment_intent.created', { status: 'requires_source' }],
      ['payment_intent.requires_action', { status: 'requires_source_action' }],
      ['payment_intent.payment_failed', { status: 'requires_source', ...error('expired_card') }],
    ]),
    { status: 'requires_source', failure_code: 'expired_card' },
  ),
  intent(
    'a second attempt, where the charges are counted',
    of('pi_1', [
      ['payment_intent.processing', attempts(1)],
      ['payment_intent.payment_failed', attempts(1)],
      ['payment_intent.processing', attempts(2)],
    ]),
    { status: 'processing', failure_code: null },
  ),
  intent(
    'a payment that succeeds',
    of('pi_1', [
      ['payment_intent.created'],
      ['payment_intent.payment_failed'],
      ['payment_intent.amount_capturable_updated'],
      ['payment_intent.succeeded'],
    ]),
    { status: 'succeeded', failure_code: null },
  ),
  intent(
    'an authorisation that is raised',
    of('pi_1', [
      ['payment_intent.amount_capturable_updated', { amount: 1000 }],
      ['payment_intent.amount_capturable_updated', { amount: 1500 }],
    ]),
    { status: 'requires_capture', amount: 1500 },
  ),
  intent(
    'a payment that is given up after it failed',
    of('pi_1', [
      ['payment_intent.created'],
      ['payment_intent.payment_failed'],
      ['payment_intent.canceled', error('card_declined')],
    ]),
    { status: 'canceled', failure_code: 'card_declined' },
  ),
];
