import { shortText } from '../clean-text.js';
import { asObject, type JsonObject } from '../json.js';
import { requiredAmount } from '../money.js';

/** Amount and currency of a Square `Money` object. Throws if it has no amount. */
export function amountOf(object: JsonObject, name: string): { amount: number; currency: string | null } {
  const money = asObject(object[name]);
  return { amount: requiredAmount(money?.amount, name), currency: shortText(money?.currency) };
}
