/** Every `expr` and every query of a variable, wherever they stand. */
export function expressionsIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    (key === 'expr' || key === 'query') && typeof inner === 'string' ? [inner] : expressionsIn(inner),
  );
}
