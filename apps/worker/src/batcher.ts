export interface BatcherOptions<Item, Result> {
  /** The most items in a batch. */
  maxSize: number;
  /** The most batches that run at the same time. */
  concurrency: number;
  /** The most running batches with items of the same firm. Default: `concurrency`. */
  concurrencyOfFirm?: number;
  /** Two items with the same key never share a batch. */
  keyOf(item: Item): string;
  firmOf(item: Item): string;
  /** The weight of an item. A batch weighs at most `maxWeight`, but a single item may weigh more. */
  weightOf(item: Item): number;
  maxWeight: number;
  /** Returns one result per item, in order. If it throws, every item of the batch fails. */
  run(items: Item[]): Promise<Result[]>;
}

interface Waiting<Item, Result> {
  item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Collects items that arrive while batches run, and runs them together as the next batch. Group commit without a timer: an item
 * runs at once if there is room, and batches grow under load. Firms take turns, one item each. Returns a function that runs one
 * item as part of a batch.
 */
export function createBatcher<Item, Result>(
  options: BatcherOptions<Item, Result>,
): (item: Item) => Promise<Result> {
  const { maxSize, maxWeight, concurrency, concurrencyOfFirm = concurrency } = options;
  /** Items by firm, in the order of the firms' turns. */
  const waiting = new Map<string, Waiting<Item, Result>[]>();
  const atWorkOf = new Map<string, number>();
  let atWork = 0;
  let scheduled = false;

  function startBatches(): void {
    scheduled = false;
    while (atWork < concurrency) {
      const batch = takeBatch();
      if (batch.length === 0) return;
      void runBatch(batch);
    }
  }

  function takeBatch(): Waiting<Item, Result>[] {
    const batch: Waiting<Item, Result>[] = [];
    const keys = new Set<string>();
    let weight = 0;
    let firms = [...waiting.keys()].filter((firm) => (atWorkOf.get(firm) ?? 0) < concurrencyOfFirm);
    while (firms.length > 0 && batch.length < maxSize) firms = firms.filter(takeOne);
    return batch;

    /** Takes a firm's first item and moves the firm to the end. False: the firm has no more items that fit. */
    function takeOne(firm: string): boolean {
      const own = waiting.get(firm) as Waiting<Item, Result>[];
      const [first] = own as [Waiting<Item, Result>];
      const grown = weight + options.weightOf(first.item);
      const fits = batch.length === 0 || (batch.length < maxSize && grown <= maxWeight);
      if (!fits || keys.has(options.keyOf(first.item))) return false;
      keys.add(options.keyOf(first.item));
      weight = grown;
      batch.push(first);
      own.shift();
      waiting.delete(firm);
      if (own.length > 0) waiting.set(firm, own);
      return own.length > 0;
    }
  }

  async function runBatch(batch: Waiting<Item, Result>[]): Promise<void> {
    const firms = new Set(batch.map(({ item }) => options.firmOf(item)));
    const count = (change: 1 | -1) => {
      atWork += change;
      for (const firm of firms) {
        const own = (atWorkOf.get(firm) ?? 0) + change;
        if (own > 0) atWorkOf.set(firm, own);
        else atWorkOf.delete(firm);
      }
    };
    count(1);
    try {
      const results = await options.run(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, i) => void resolve(results[i] as Result));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      count(-1);
      startBatches();
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      const firm = options.firmOf(item);
      const own = waiting.get(firm) ?? [];
      own.push({ item, resolve, reject });
      waiting.set(firm, own);
      if (scheduled) return;
      scheduled = true; // so that jobs from one answer of Redis share a batch
      setImmediate(startBatches);
    });
}
