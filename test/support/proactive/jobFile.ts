import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Job, TaskWish, World } from './world.ts';

export const exampleJob = join(import.meta.dirname, '../../../config/proactive/own-machines.xml');

/** Submits a job's file: as much of it as the stand-in has, which is generic information, nodes and dependencies. */
export function submitFile(world: World, path: string, owner = 'ann'): Job {
  // The server numbers jobs; the number is known when it takes one in.
  const number = String(Math.max(0, ...world.jobs.keys()) + 1);
  const xml = readFileSync(path, 'utf8')
    .replaceAll(/<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>/g, '')
    .replaceAll('$PAS_JOB_ID', number);
  const [head = '', ...rest] = xml.split('<taskFlow>');
  const tasks = [...rest.join('').matchAll(/<task name="([^"]*)">([\s\S]*?)<\/task>/g)].map(
    ([, name = '', body = '']): TaskWish => ({
      name,
      words: wordsIn(body),
      nodes: Number(/numberOfNodes="(\d+)"/.exec(body)?.[1] ?? 1),
      after: [...body.matchAll(/<task ref="([^"]*)"\/>/g)].map(([, ref = '']) => ref),
    }),
  );
  return world.submit({
    name: /name="([^"]*)"/.exec(head)?.[1] ?? 'job',
    owner,
    words: wordsIn(head),
    tasks,
  });
}

function wordsIn(xml: string): Record<string, string> {
  const found = xml.matchAll(/<info name="([^"]*)" value="([^"]*)"\/>/g);
  return Object.fromEntries([...found].map(([, name = '', value = '']) => [name, value]));
}
