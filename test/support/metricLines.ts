/** Reads Prometheus's text form: the value of each series, by its name and labels as they stand there. */
export function metricLines(text: string): ReadonlyMap<string, number> {
  const rows = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))] as const;
    });
  return new Map(rows);
}

/** The names of the metrics that it describes. */
export function metricNames(text: string): readonly string[] {
  return [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name);
}
