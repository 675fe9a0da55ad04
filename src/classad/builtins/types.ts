import { equalFolded } from '../bytes.ts';
import { toInteger, toReal, toStringValue, unconvertible } from '../convert.ts';
import { wholeSeconds } from '../formatValue.ts';
import { ERROR, kindOf, Real, RelTime, truthOf, type Value, type ValueKind } from '../value.ts';
import { type Builtin, type BuiltinTable, unary } from './builtin.ts';

function isKind(kind: ValueKind): Builtin {
  return unary((value) => kindOf(value) === kind);
}

function toBoolean(value: Value): Value {
  if (value === undefined) return undefined;
  if (typeof value === 'string') {
    if (equalFolded(value, 'true')) return true;
    return equalFolded(value, 'false') ? false : undefined;
  }
  const truth = truthOf(value);
  if (truth !== null) return truth;
  return value instanceof RelTime ? wholeSeconds(value.seconds) !== 0 : ERROR;
}

function toRealValue(value: Value): Value {
  const real = toReal(value);
  return real === null ? unconvertible(value) : new Real(real);
}

export const typeBuiltins: BuiltinTable = [
  ['isundefined', isKind('undefined')],
  ['iserror', isKind('error')],
  ['isstring', isKind('string')],
  ['isinteger', isKind('integer')],
  ['isreal', isKind('real')],
  ['islist', isKind('list')],
  ['isclassad', isKind('ad')],
  ['isboolean', isKind('boolean')],
  ['isabstime', isKind('absTime')],
  ['isreltime', isKind('relTime')],
  ['int', unary((value) => toInteger(value) ?? unconvertible(value))],
  ['real', unary(toRealValue)],
  ['string', unary((value) => toStringValue(value))],
  ['bool', unary(toBoolean)],
];
