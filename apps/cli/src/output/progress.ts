/** Counts on standard error while the command runs. Prints nothing without a terminal, or within the first half second. */
export function showProgress(total: number): { update(done: number): void; clear(): void } {
  if (!process.stderr.isTTY) return { update: () => undefined, clear: () => undefined };
  let shownMs = Date.now() + 500;
  let shown = false;
  return {
    update(done) {
      if (Date.now() - shownMs < 200) return;
      shownMs = Date.now();
      shown = true;
      process.stderr.write(`\r${done} of ${total} …`);
    },
    clear() {
      if (shown) process.stderr.write('\r\u001b[K');
    },
  };
}
