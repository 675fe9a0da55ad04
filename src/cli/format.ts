import { formatDuration } from '../config/units.ts';
import type { Resources } from '../model/resources.ts';

/** An age or a remaining time as people read it: its two largest units. */
export function span(ms: number): string {
  return formatDuration(ms >= 1000 ? Math.floor(ms / 1000) * 1000 : ms, 2);
}

export function ago(ms: number | null): string {
  return ms === null ? 'never' : `${span(ms)} ago`;
}

/** The span from one moment to a later one; `-` where there is no such moment. */
export function since(fromMs: number | null, nowMs: number): string {
  return fromMs === null ? '-' : span(nowMs - fromMs);
}

export function orDash(value: string | number | null): string {
  return value === null || value === '' ? '-' : String(value);
}

/** `1 job`, `2 jobs`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

const utc = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'UTC',
  dateStyle: 'short',
  timeStyle: 'medium',
});

/** Epoch ms → `2026-11-22 05:00:00Z`. */
export function timestamp(wallMs: number): string {
  return `${utc.format(wallMs)}Z`;
}

/** MiB → `16 GiB`, `1.5 GiB`, `700 MiB`. */
export function size(mib: number): string {
  const units = ['MiB', 'GiB', 'TiB'] as const;
  let amount = mib;
  let at = 0;
  while (amount >= 1024 && at < units.length - 1) {
    amount /= 1024;
    at += 1;
  }
  return `${Number(amount.toFixed(1))} ${units[at]}`;
}

/** `2 CPUs, 4 GiB memory, 10 GiB disk`. */
export function resources(of: Resources): string {
  const gpus = of.gpus > 0 ? `, ${counted(of.gpus, 'GPU')}` : '';
  return `${counted(of.cpus, 'CPU')}, ${size(of.memoryMiB)} memory, ${size(of.diskMiB)} disk${gpus}`;
}
