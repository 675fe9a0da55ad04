import { ERROR, truthOf } from '../value.ts';
import { type BuiltinTable, unary } from './builtin.ts';

export const controlBuiltins: BuiltinTable = [
  [
    'ifthenelse',
    {
      least: 3,
      most: 3,
      bind([condition, whenTrue, whenFalse]) {
        return (evaluation) => {
          const chosen = condition?.(evaluation);
          if (chosen === undefined) return undefined;
          const truth = truthOf(chosen);
          if (truth === null) return ERROR;
          return truth ? whenTrue?.(evaluation) : whenFalse?.(evaluation);
        };
      },
    },
  ],
  ['debug', unary((value) => value)],
];
