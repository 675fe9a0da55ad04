/** What a service answers in place of a success, in its own shape. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    super(`HTTP ${status}`);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

const novaKeys: Readonly<Record<number, string>> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  406: 'computeFault',
  409: 'conflictingRequest',
  413: 'overLimit',
  429: 'overLimit',
};

export function novaRefusal(status: number, message: string): Refusal {
  return new Refusal(status, { [novaKeys[status] ?? 'computeFault']: { code: status, message } });
}

export function keystoneRefusal(status: number, title: string, message: string): Refusal {
  return new Refusal(
    status,
    { error: { code: status, title, message } },
    status === 401 ? { 'www-authenticate': 'Keystone uri="http://keystone.invalid/v3"' } : {},
  );
}

export function neutronRefusal(status: number, type: string, message: string): Refusal {
  return new Refusal(status, { NeutronError: { type, message, detail: '' } });
}

/** Glance, and what stands before Nova. */
export function outerRefusal(status: number, title: string, message: string): Refusal {
  return new Refusal(status, { message: `${message}<br /><br />\n\n\n`, code: `${status} ${title}`, title });
}

/** A schema error repeats what was sent. */
export function schemaRefusal(field: string, value: unknown, why: string): Refusal {
  return novaRefusal(
    400,
    `Invalid input for field/attribute ${field}. Value: ${JSON.stringify(value)}. ${why}`,
  );
}
