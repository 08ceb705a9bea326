export interface BatcherOptions<Item, Result> {
  /** Items per batch at most. */
  maxSize: number;
  /** Batches at work at the same time at most. */
  concurrency: number;
  /** Batches at work with items of one firm at most. Default: `concurrency`. */
  concurrencyOfFirm?: number;
  /** Two items with the same key never share a batch. */
  keyOf(item: Item): string;
  firmOf(item: Item): string;
  /** What an item adds to its batch, and how much a batch takes; one item alone may weigh more. */
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
 * Collects items that arrive while a batch is at work, and runs them together as the next one. Group commit without a timer:
 * an item that finds room runs at once, alone if need be; under load the batches fill by themselves. Firms take turns: what
 * one firm has waiting delays the others by one item at a time. Returns a function that runs one item as part of a batch.
 */
export function createBatcher<Item, Result>(
  options: BatcherOptions<Item, Result>,
): (item: Item) => Promise<Result> {
  const { maxSize, maxWeight, concurrency, concurrencyOfFirm = concurrency } = options;
  /** By firm, in the order of their turns. */
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

    /** Takes a firm's first item, and puts the firm behind the others. False: it has no more that fits. */
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
      scheduled = true; // jobs that came in one answer from Redis start in one batch
      setImmediate(startBatches);
    });
}
