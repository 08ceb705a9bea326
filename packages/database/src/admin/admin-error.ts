export type AdminErrorCode =
  | 'account_taken'
  | 'account_unknown'
  | 'already_resolved'
  | 'destination_unknown'
  | 'effect_unknown'
  | 'endpoint_ambiguous'
  | 'endpoint_unknown'
  | 'event_ambiguous'
  | 'event_id_taken'
  | 'event_unknown'
  | 'firm_unknown'
  | 'input_invalid'
  | 'key_taken'
  | 'mode_invalid'
  | 'name_taken'
  | 'provider_unknown'
  | 'quarantine_unknown'
  | 'secret_missing'
  | 'secret_unreadable'
  | 'slug_invalid'
  | 'slug_taken'
  | 'still_unmapped';

/** A request of an operator can't be fulfilled. Nothing was changed. */
export class AdminError extends Error {
  readonly code: AdminErrorCode;
  /** What to do next: starts in lower case, has no full stop. */
  readonly advice: string;
  constructor(code: AdminErrorCode, message: string, advice: string) {
    super(message);
    this.name = 'AdminError';
    this.code = code;
    this.advice = advice;
  }
}
