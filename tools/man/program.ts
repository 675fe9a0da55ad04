import { type Outline, outlineOf } from '../../src/cli/completion/outline.ts';
import type { CliDeps } from '../../src/cli/deps.ts';
import { buildProgram } from '../../src/cli/program.ts';

/** What the program can do, without anything for it to do it with. */
export function programOutline(): Outline {
  const nothing = new Proxy({}, { get: () => nothing }) as unknown as CliDeps;
  return outlineOf(buildProgram({ deps: nothing, exitCode: 0 }));
}
