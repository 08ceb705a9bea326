/**
 * The form fields of a Twilio callback; a list where a name is repeated.
 * https://www.twilio.com/docs/messaging/guides/track-outbound-message-status, …/messaging/guides/webhook-request
 */
export interface TwilioEvent {
  MessageSid: string;
  AccountSid: string;
  From?: string;
  To?: string;
  Body?: string;
  NumMedia?: string;
  /** Of status callbacks. */
  MessageStatus?: string;
  /** Of status callbacks of messages that failed. */
  ErrorCode?: string;
  [field: string]: string | string[] | undefined;
}
