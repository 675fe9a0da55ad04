/** Names with `*` for any characters and `?` for one. No name of the config's own has either. */

export const isPattern = (text: string): boolean => /[*?]/.test(text);

/** Cost: at most the product of both lengths, whatever the pattern. */
export function fitsPattern(name: string, pattern: string): boolean {
  const [chars, wanted] = [Array.from(name), Array.from(pattern)];
  let at = 0;
  let want = 0;
  /** The last `*`, and where what it stands for ends so far. */
  let star = -1;
  let starEnd = 0;
  while (at < chars.length) {
    if (wanted[want] === '*') {
      star = want;
      starEnd = at;
      want += 1;
    } else if (want < wanted.length && (wanted[want] === '?' || wanted[want] === chars[at])) {
      at += 1;
      want += 1;
    } else if (star >= 0) {
      want = star + 1;
      starEnd += 1;
      at = starEnd;
    } else return false;
  }
  return wanted.slice(want).every((char) => char === '*');
}
