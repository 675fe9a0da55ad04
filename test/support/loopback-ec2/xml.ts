/** Pieces of an answer. A value is text; what is built of elements is an `Xml`, so that nothing is escaped twice. */
export interface Xml {
  readonly xml: string;
}

export type XmlValue = string | number | boolean | Xml;

export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\r', '&#xD;')
    .replaceAll('\n', '&#xA;')
    .replaceAll('\t', '&#x9;');
}

/** Children in the order given; those that are undefined are left out. */
export function elements(children: Readonly<Record<string, XmlValue | undefined>>): Xml {
  let xml = '';
  for (const [name, value] of Object.entries(children)) {
    if (value === undefined) continue;
    const inner = typeof value === 'object' ? value.xml : escapeXml(String(value));
    xml += inner === '' ? `<${name}/>` : `<${name}>${inner}</${name}>`;
  }
  return { xml };
}

/** EC2's lists: `<item>` for each. */
export function items(values: Iterable<XmlValue>): Xml {
  let xml = '';
  for (const value of values) xml += elements({ item: value }).xml;
  return { xml };
}

export function answerXml(action: string, requestId: string, children: Xml): string {
  const root = `${action}Response`;
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">` +
    `<requestId>${requestId}</requestId>${children.xml}</${root}>\n`
  );
}

export function errorXml(code: string, message: string, requestId: string): string {
  const error = elements({ Code: code, Message: message });
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>${error.xml}</Error></Errors>` +
    `<RequestID>${requestId}</RequestID></Response>\n`
  );
}
