/** How long the first connection to a store may take before the store counts as unreachable. */
export const firstConnectionMs = 5_000;

export interface FirstConnection {
  /** The store has answered: every later failure counts. */
  made(): void;
  /** True while a failure may only mean that the connection is not made yet. */
  isAwaited(): boolean;
}

/** Tells "not connected yet" from "unreachable": else every start would log warnings. */
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
