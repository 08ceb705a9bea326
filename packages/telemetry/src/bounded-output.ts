import { type DestinationStream, destination } from 'pino';

/** Lines that wait to be written may take this many bytes together. */
const mostWaitingBytes = 4 * 1024 * 1024;
/** Several processes may share one pipe: it takes so many bytes as a whole, and never parts of a line. */
const pipeWriteBytes = 4096;

/**
 * Standard output, written in the background: a reader that stops reading must not stop the process. Lines for which there
 * is no room are dropped; once there is room again, `onDropped` is called with their count. Lines that are still waiting are
 * written when the process ends, and lost where it is killed.
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
