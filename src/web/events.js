/**
 * @typedef {object} ServerEvent
 * @property {string} name
 * @property {string} data
 * @property {string | null} id
 */

/**
 * Reads server-sent events from pieces of text that are cut anywhere. The browser's own EventSource cannot show a token.
 * @param {(event: ServerEvent) => void} onEvent
 * @returns {(piece: string) => void}
 */
export function createEventReader(onEvent) {
  let rest = '';
  /** @type {string[]} */
  let data = [];
  let name = 'message';
  /** @type {string | null} */
  let id = null;

  /** @param {string} line */
  function take(line) {
    if (line === '') {
      if (data.length > 0) onEvent({ name, data: data.join('\n'), id });
      [data, name] = [[], 'message'];
      return;
    }
    const at = line.indexOf(':');
    const field = at === -1 ? line : line.slice(0, at);
    const value = at === -1 ? '' : line.slice(at + 1).replace(/^ /, '');
    if (field === 'data') data.push(value);
    else if (field === 'event') name = value;
    else if (field === 'id') id = value;
  }

  return (piece) => {
    rest += piece;
    // A carriage return at the end may be half of a line's end.
    const whole = rest.endsWith('\r') ? rest.length - 1 : rest.length;
    const lines = rest.slice(0, whole).split(/\r\n|\n|\r/);
    rest = (lines.pop() ?? '') + rest.slice(whole);
    for (const line of lines) take(line);
  };
}
