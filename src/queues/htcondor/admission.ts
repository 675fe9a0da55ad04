import { QueueError } from '../../model/errors.ts';
import type { Admission, AdmitRequest } from '../port.ts';
import type { JoinSettings } from './settings.ts';
import { mintToken } from './token.ts';
import { slotWords } from './vocabulary.ts';
import { retirementAttribute } from './worker-commands.ts';

/**
 * Variables of the boot template. `attributes`: lines of HTCondor configuration that make the startd publish them, and
 * how long it lets jobs go on when it is drained; and how others reach it. With a `join` section also `token`, `collector` and `trustDomain`.
 * QueueError `invalid` for an attribute that cannot be written as such a line.
 */
export function admissionOf(request: AdmitRequest, join: JoinSettings | null): Admission {
  const attributes = attributeLines(request.attributes);
  if (join === null) return { variables: { attributes }, perMachine: false };
  const { collector, trustDomain } = join;
  const token = mintToken(request, join);
  const lines = [attributes, ...networkLines(join)].join('\n');
  return { variables: { attributes: lines, token, collector, trustDomain }, perMachine: true };
}

/** With CCB a machine keeps a connection to the collector, by which it is asked to call back whoever wants it. */
function networkLines({ ccb, privateNetwork }: JoinSettings): readonly string[] {
  return [
    ...(ccb ? ['CCB_ADDRESS = $(COLLECTOR_HOST)'] : []),
    ...(privateNetwork === null ? [] : [`PRIVATE_NETWORK_NAME = ${privateNetwork}`]),
  ];
}

/** What a startd finds out by itself; the names are settings of it as well, with other meanings. */
const startdsOwn: ReadonlySet<string> = new Set(slotWords.map((name) => name.toLowerCase()));

function attributeLines(attributes: Readonly<Record<string, string>>): string {
  const said = Object.entries(attributes).filter(([name]) => !startdsOwn.has(name.toLowerCase()));
  const lines = said.map(([name, text]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || /[\r\n\0]|\\$/.test(text)) {
      throw new QueueError(
        'invalid',
        `the attribute ${name} cannot be written into HTCondor's configuration`,
      );
    }
    // A dollar sign would begin a macro.
    return `${name} = ${text.replaceAll('$', '$(DOLLAR)')}`;
  });
  const names = [...said.map(([name]) => name), retirementAttribute];
  const retirement = `${retirementAttribute} = $(MAXJOBRETIREMENTTIME:0)`;
  return [...lines, retirement, `STARTD_ATTRS = $(STARTD_ATTRS) ${names.join(' ')}`].join('\n');
}
