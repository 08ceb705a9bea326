/** An amount in minor units. Throws where it is not a whole number that JavaScript and `bigint` agree on. */
export function requiredAmount(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw new Error(`${name} is not a whole number of minor units`);
  return value;
}

/** The same for an amount that the provider may leave out. */
export const optionalAmount = (value: unknown, name: string): number | null =>
  value === undefined || value === null ? null : requiredAmount(value, name);
