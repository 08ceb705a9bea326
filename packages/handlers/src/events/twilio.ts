/**
 * The form fields of a Twilio callback; a repeated name has a list.
 * https://www.twilio.com/docs/messaging/guides/track-outbound-message-status, …/messaging/guides/webhook-request
 */
export interface TwilioEvent {
  MessageSid: string;
  AccountSid: string;
  From?: string;
  To?: string;
  Body?: string;
  NumMedia?: string;
  /** In status callbacks. */
  MessageStatus?: string;
  /** In status callbacks of failed messages. */
  ErrorCode?: string;
  [field: string]: string | string[] | undefined;
}
