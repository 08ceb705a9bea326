/** Collects items that arrive while a group is at work, and runs them together as the next one. */
export interface GroupOptions<Item, Result> {
  /** Items per group at most. */
  maxSize: number;
  /** Groups at work at the same time at most. */
  concurrency: number;
  /** Two items with the same key never share a group. */
  keyOf(item: Item): string;
  /** What an item adds to its group, and how much a group takes; one item alone may weigh more. */
  weightOf(item: Item): number;
  maxWeight: number;
  /** One result per item, in order. If it throws, it throws for each. */
  run(items: Item[]): Promise<Result[]>;
}

interface Waiting<Item, Result> {
  item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Group commit without a timer: an item that finds room runs at once, alone if need be; under load the groups fill by
 * themselves. Returns a function that runs one item as part of a group.
 */
export function grouped<Item, Result>(options: GroupOptions<Item, Result>): (item: Item) => Promise<Result> {
  const waiting: Waiting<Item, Result>[] = [];
  let atWork = 0;
  let scheduled = false;

  function startGroups(): void {
    scheduled = false;
    while (waiting.length > 0 && atWork < options.concurrency) void runGroup(takeGroup());
  }

  function takeGroup(): Waiting<Item, Result>[] {
    const keys = new Set<string>();
    const group: Waiting<Item, Result>[] = [];
    const left: Waiting<Item, Result>[] = [];
    let weight = 0;
    for (const entry of waiting.splice(0)) {
      const key = options.keyOf(entry.item);
      const grown = weight + options.weightOf(entry.item);
      const fits = group.length === 0 || (group.length < options.maxSize && grown <= options.maxWeight);
      if (fits && !keys.has(key)) {
        keys.add(key);
        weight = grown;
        group.push(entry);
      } else left.push(entry);
    }
    waiting.push(...left);
    return group;
  }

  async function runGroup(group: Waiting<Item, Result>[]): Promise<void> {
    atWork++;
    try {
      const results = await options.run(group.map(({ item }) => item));
      group.forEach(({ resolve }, i) => void resolve(results[i] as Result));
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      atWork--;
      startGroups();
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (scheduled) return;
      scheduled = true; // jobs that came in one answer from Redis start in one group
      setImmediate(startGroups);
    });
}
