const pageSize = 500;

/** The items of all pages. `read` is given the last item of the previous page. */
export async function* pages<Item>(
  read: (after: Item | null, limit: number) => Promise<readonly Item[]>,
): AsyncGenerator<Item> {
  for (let after: Item | null = null; ; ) {
    const items: readonly Item[] = await read(after, pageSize);
    yield* items;
    if (items.length < pageSize) return;
    after = items.at(-1) ?? null;
  }
}
