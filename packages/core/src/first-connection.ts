/** How long a store may take to be reached for the first time before its absence counts as a failure. */
export const firstConnectionMs = 5_000;

export interface FirstConnection {
  /** The store has answered: from now on each failure is one. */
  made(): void;
  /** True while a failure may only mean that the connection is still being made. */
  isAwaited(): boolean;
}

/** Tells "not connected yet" from "away": else every start on a healthy machine would begin with warnings. */
export function awaitFirstConnection(withinMs: number = firstConnectionMs): FirstConnection {
  const untilMs = performance.now() + withinMs;
  let isMade = false;
  return {
    made() {
      isMade = true;
    },
    isAwaited: () => !isMade && performance.now() < untilMs,
  };
}
