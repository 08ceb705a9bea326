export type AdminErrorCode =
  | 'account_taken'
  | 'account_unknown'
  | 'already_resolved'
  | 'destination_unknown'
  | 'effect_unknown'
  | 'endpoint_ambiguous'
  | 'endpoint_unknown'
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

/** What an operator asked for can't be done. Nothing was changed; the message says what to do next. */
export class AdminError extends Error {
  readonly code: AdminErrorCode;
  constructor(code: AdminErrorCode, message: string) {
    super(message);
    this.name = 'AdminError';
    this.code = code;
  }
}
