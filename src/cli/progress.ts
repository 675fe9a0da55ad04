import type { Sink } from './deps.ts';

/** What long work says of itself on standard error: a line that is written over on a terminal, else one now and then. */
export interface ProgressLine {
  /** Costs nothing where it is too early to say it again. */
  show(text: () => string): void;
  /** Takes the line away, so that something else can be written. */
  clear(): void;
}

const terminalMs = 200;
const otherwiseMs = 10_000;

export function createProgressLine(sink: Sink, nowMs: () => number): ProgressLine {
  const everyMs = sink.isTTY ? terminalMs : otherwiseMs;
  let saidAtMs = nowMs();
  let isShown = false;
  return {
    show: (text) => {
      if (nowMs() - saidAtMs < everyMs) return;
      saidAtMs = nowMs();
      sink.write(sink.isTTY ? `\r\u001b[2K${text()}` : `${text()}\n`);
      isShown = sink.isTTY;
    },
    clear: () => {
      if (isShown) sink.write('\r\u001b[2K');
      isShown = false;
    },
  };
}
