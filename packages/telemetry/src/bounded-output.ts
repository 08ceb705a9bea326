import { type DestinationStream, destination } from 'pino';

/** The most bytes of lines that wait to be written. */
export const mostWaitingBytes = 4 * 1024 * 1024;
/** Several processes may share one pipe. A pipe takes writes of up to this size whole, so lines are never interleaved. */
const pipeWriteBytes = 4096;

/**
 * Standard output, written in the background: a reader that stops reading does not block the process. Lines that exceed the
 * buffer are dropped; once it drains, `onDropped` is called with their count. Buffered lines are written when the process
 * exits, and lost when it is killed.
 */
export function openBoundedOutput(onDropped: (count: number) => void): DestinationStream {
  const out = destination({ fd: 1, sync: false, maxLength: mostWaitingBytes, maxWrite: pipeWriteBytes });
  let dropped = 0;
  out.on('drop', () => {
    dropped++;
  });
  out.on('drain', () => {
    const count = dropped;
    dropped = 0;
    if (count > 0) onDropped(count);
  });
  return out;
}
