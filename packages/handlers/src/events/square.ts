/** A Square webhook event. https://developer.squareup.com/docs/webhooks/overview */
export interface SquareEvent<Type extends string = string> {
  merchant_id: string;
  location_id?: string;
  type: Type;
  event_id: string;
  /** ISO 8601. */
  created_at: string;
  data: {
    type: string;
    id: string;
    deleted?: boolean;
    /** The object under its own name, in Square's spelling: `{ invoice: { … } }`, `{ payment: { … } }`. */
    object?: Record<string, Record<string, unknown>>;
  };
}
