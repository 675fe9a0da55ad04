import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the tools change: `condor_drain`, the same with `-cancel`, and `condor_advertise INVALIDATE_STARTD_ADS`. */
export type ToolEffect = 'drain' | 'undrain' | 'remove';
export type ToolMoment = 'halfSent' | 'unanswered';

/** A pool's folder of tools with a lever on those that change something. */
export interface HeldTools {
  readonly bin: string;
  /**
   * The next such call is held until its caller is dead: before HTCondor has heard of it, or when it has been carried
   * out.
   */
  hold(effect: ToolEffect, moment: ToolMoment): void;
  /** Whether the held call has come, and been carried out where it was to be. */
  isHeld(effect: ToolEffect, moment: ToolMoment): boolean;
  clear(): void;
}

/** A caller that outlives its held call for so long is a test that forgot it. */
const heldSecondsMax = 60;

export function heldTools(folder: string, poolBin: string): HeldTools {
  const bin = join(folder, 'bin');
  const levers = join(folder, 'levers');
  mkdirSync(bin, { recursive: true });
  mkdirSync(levers, { recursive: true });
  for (const tool of readdirSync(poolBin)) symlinkSync(join(poolBin, tool), join(bin, tool));
  const wrap = (tool: string, effect: string) => {
    rmSync(join(bin, tool));
    writeFileSync(join(bin, tool), wrapper(join(poolBin, tool), levers, effect));
    chmodSync(join(bin, tool), 0o755);
  };
  wrap('condor_drain', 'effect=drain; case " $* " in *" -cancel "*) effect=undrain ;; esac');
  wrap('condor_advertise', 'effect=remove');
  const lever = (effect: ToolEffect, moment: ToolMoment, state: 'armed' | 'taken' | 'held') =>
    join(levers, `${effect}-${moment}-${state}`);
  const clear = () => {
    for (const name of readdirSync(levers)) rmSync(join(levers, name), { force: true });
  };
  return {
    bin,
    hold: (effect, moment) => {
      clear();
      writeFileSync(lever(effect, moment, 'armed'), '');
    },
    isHeld: (effect, moment) => existsSync(lever(effect, moment, 'held')),
    clear,
  };
}

/** Renaming the lever takes it: two calls at once cannot both be held. */
function wrapper(real: string, levers: string, effect: string): string {
  return `#!/bin/sh
${effect}
lever='${levers}'/$effect
wait_for_death() {
  n=0
  while kill -0 $PPID 2>/dev/null && [ $n -lt ${heldSecondsMax * 20} ]; do sleep 0.05; n=$((n + 1)); done
  exit 1
}
if mv "$lever-halfSent-armed" "$lever-halfSent-taken" 2>/dev/null; then
  : >"$lever-halfSent-held"
  wait_for_death
fi
if mv "$lever-unanswered-armed" "$lever-unanswered-taken" 2>/dev/null; then
  '${real}' "$@" >/dev/null 2>&1
  : >"$lever-unanswered-held"
  wait_for_death
fi
exec '${real}' "$@"
`;
}
