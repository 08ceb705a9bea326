import {
  type Applied,
  type ApplyItem,
  type ApplyPorts,
  apply,
  planEvent,
  type Unrecorded,
} from '@semel/core';

/** Plans and applies events as the worker does with those that arrive together. */
export const planAndApply = async (
  ports: ApplyPorts,
  items: readonly ApplyItem[],
): Promise<(Applied | Unrecorded)[]> =>
  apply(ports, await Promise.all(items.map((item) => planEvent(ports, item))));
