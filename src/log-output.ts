import { constants, openSync, writeSync } from 'node:fs';

/** Where log lines go. Writing one never waits for a reader, never fails, and never ends the process. */
export interface LogOutput {
  write(line: string): void;
  /** Writes what waits, if that is possible at once: for the end of the process. */
  flushSync(): void;
  /** Lines that could not be written since the start: the disk is full, the pipe is closed, or its reader is too slow. */
  dropped(): number;
}

const retryMs = 50;

/**
 * Writes lines to standard output. Lines for which a pipe has no room wait, at most `maxBytes` of them; further ones are
 * dropped, as are those that a disk has no room for.
 *
 * pino's own destination waits: with a full disk the replica neither answers nor ends, and in its asynchronous form it does
 * not end (sonic-boom 4.2, flushSync).
 */
export function createLogOutput(maxBytes = 1024 * 1024): LogOutput {
  let fd: number | undefined;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let begun = false; // the first of them is written in part
  let torn = false; // the output ends with part of a line whose rest was dropped
  let dropped = 0;
  let retry: NodeJS.Timeout | undefined;

  /** Writes what it can. */
  function flush(): void {
    retry = undefined;
    fd ??= openStdout();
    try {
      if (torn) writeSync(fd, '\n'); // so that the next line can be read
      torn = false;
      for (let line = waiting[0]; line !== undefined; line = waiting[0]) {
        const written = writeSync(fd, line);
        waitingBytes -= written;
        begun = written < line.length;
        if (begun) waiting[0] = line.subarray(written);
        else waiting.shift();
      }
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === 'EAGAIN') retry = setTimeout(flush, retryMs).unref();
      else dropWaiting();
    }
  }

  function dropWaiting(): void {
    dropped += waiting.length;
    torn ||= begun;
    begun = false;
    waiting = [];
    waitingBytes = 0;
  }

  return {
    write(line) {
      const bytes = Buffer.from(line);
      if (waitingBytes + bytes.length > maxBytes) {
        dropped += 1;
        return;
      }
      waiting.push(bytes);
      waitingBytes += bytes.length;
      if (!retry) flush();
    },
    flushSync() {
      clearTimeout(retry);
      flush();
      dropWaiting();
    },
    dropped: () => dropped,
  };
}

/** Standard output, opened once more, so that a pipe says that it is full instead of letting this process wait. */
function openStdout(): number {
  const { O_WRONLY, O_APPEND, O_NONBLOCK } = constants;
  try {
    return openSync('/proc/self/fd/1', O_WRONLY | O_APPEND | O_NONBLOCK);
  } catch {
    return 1; // a socket, or another system than Linux
  }
}
