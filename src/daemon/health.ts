import type { HealthCheck, HealthView } from '../api/observing.ts';
import { StoreError } from '../store/port.ts';
import type { DaemonView } from './control.ts';

/** A store that was tried so short a time ago is not tried again, however often somebody asks. */
const goodMs = 10_000;
const badMs = 1000;

/** Whether the loop makes progress, by the moment at which it said that it would tick again. */
export function healthOf(view: DaemonView): HealthView {
  return viewOf([checkOf('loop', view.pulse.trouble(view.now()))]);
}

/** Everything that the daemon needs in order to work, each by name. */
export function createReadiness(view: DaemonView): () => HealthView {
  const storeTrouble = createStoreTrial(view);
  return () => {
    const { queues, clouds } = view.outlooks();
    return viewOf([
      checkOf('loop', view.pulse.trouble(view.now())),
      checkOf('store', storeTrouble()),
      ...[...queues].map(([name, { trouble }]) => checkOf(`queue ${name}`, trouble)),
      ...[...clouds].map(([name, { trouble }]) => checkOf(`cloud ${name}`, trouble)),
    ]);
  };
}

/** Commits nothing, which is written to the disk as everything is: a full disk or one that cannot be written shows. */
function createStoreTrial(view: DaemonView): () => string | null {
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let trouble: string | null = null;
  return () => {
    const nowMs = view.now();
    if (nowMs < triedAtMs + (trouble === null ? goodMs : badMs)) return trouble;
    triedAtMs = nowMs;
    const { sequence } = view.state();
    const nothing = { intents: [], instances: [], facts: [], journal: [] };
    try {
      view.parts.store.commit({ nowMs, wallMs: view.wallNow(), sequence, ...nothing });
      trouble = null;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      trouble = `${error.code}: ${error.message}`;
    }
    return trouble;
  };
}

function checkOf(name: string, why: string | null): HealthCheck {
  return { name, ok: why === null, why };
}

function viewOf(checks: readonly HealthCheck[]): HealthView {
  return { ok: checks.every(({ ok }) => ok), checks };
}
