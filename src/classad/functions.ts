import { argumentBuiltins } from './builtins/arguments.ts';
import type { Builtin } from './builtins/builtin.ts';
import { contextBuiltins } from './builtins/context.ts';
import { controlBuiltins } from './builtins/control.ts';
import { listBuiltins } from './builtins/lists.ts';
import { numberBuiltins } from './builtins/numbers.ts';
import { regexBuiltins } from './builtins/regex.ts';
import { stringListBuiltins } from './builtins/stringLists.ts';
import { stringBuiltins } from './builtins/strings.ts';
import { timeBuiltins } from './builtins/time.ts';
import { typeBuiltins } from './builtins/types.ts';

const builtins: ReadonlyMap<string, Builtin> = new Map([
  ...typeBuiltins,
  ...controlBuiltins,
  ...listBuiltins,
  ...numberBuiltins,
  ...stringBuiltins,
  ...stringListBuiltins,
  ...argumentBuiltins,
  ...contextBuiltins,
  ...regexBuiltins,
  ...timeBuiltins,
]);

/** The built-in function of that name, in any case; null: there is none, and the call is ERROR. */
export function builtinOf(name: string): Builtin | null {
  return builtins.get(name.toLowerCase()) ?? null;
}
