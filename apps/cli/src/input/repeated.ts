/** Collects an option that may be given more than once. */
export const repeated = (value: string, before: unknown): string[] => [
  ...(Array.isArray(before) ? (before as string[]) : []),
  value,
];
