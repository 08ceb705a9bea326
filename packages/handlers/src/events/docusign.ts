/** A DocuSign Connect message (JSON SIM). https://developers.docusign.com/platform/webhooks/connect/json-sim-event-model/ */
export interface DocusignEvent<Type extends string = string> {
  event: Type;
  apiVersion?: string;
  uri?: string;
  retryCount?: number;
  configurationId?: number;
  /** ISO 8601, up to seven decimals. */
  generatedDateTime: string;
  data: {
    accountId: string;
    userId?: string;
    envelopeId: string;
    recipientId?: string;
    /** What the Connect configuration includes: status, times, recipients, custom fields … */
    envelopeSummary?: { status?: string; [field: string]: unknown };
  };
}
