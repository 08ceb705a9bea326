/** A parser that collects an option which may be given more than once. */
export const repeated = (value: string, before: unknown): string[] => [
  ...(Array.isArray(before) ? (before as string[]) : []),
  value,
];
