/** Epoch ms as `2026-11-22T12:34:56+0000`. */
export function expiryText(epochMs: number): string {
  const seconds = Math.floor(epochMs / 1000);
  const days = Math.floor(seconds / 86_400);
  const rest = seconds - days * 86_400;
  const [year, month, day] = civil(days);
  const time = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60];
  return `${year}-${two(month)}-${two(day)}T${time.map(two).join(':')}+0000`;
}

/**
 * Year, month and day of a number of days since 1970-01-01. Years are counted from March on, so that a leap day is
 * the last one of its year, and in eras of 400 years, which all have as many days.
 */
function civil(days: number): readonly [number, number, number] {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leaps = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const march = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * march + 2) / 5) + 1;
  const month = march < 10 ? march + 3 : march - 9;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}

const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The `Date` header of an answer as epoch ms, to the second; null for what is none. */
export function httpDateMs(text: string): number | null {
  const [, day, name = '', year, ...time] =
    /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/.exec(text) ?? [];
  const month = monthNames.indexOf(name) + 1;
  if (month === 0) return null;
  const [hours = 0, minutes = 0, seconds = 0] = time.map(Number);
  return (
    (dayNumber(Number(year), month, Number(day)) * 86_400 + hours * 3600 + minutes * 60 + seconds) * 1000
  );
}

/** Days since 1970-01-01: the inverse of `civil`. */
function dayNumber(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const leaps = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leaps + dayOfYear - 719_468;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
