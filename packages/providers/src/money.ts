/** An amount in minor units. Throws if it is not a safe integer. */
export function requiredAmount(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw new Error(`${name} is not a whole number of minor units`);
  return value;
}

/** An amount in minor units, or null if the provider left it out. */
export const optionalAmount = (value: unknown, name: string): number | null =>
  value === undefined || value === null ? null : requiredAmount(value, name);
