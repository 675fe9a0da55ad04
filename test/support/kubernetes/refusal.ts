/** What the API server answers in place of a success. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: unknown;

  constructor(status: number, body: unknown) {
    super(`HTTP ${status}`);
    this.status = status;
    this.body = body;
  }
}

interface Details {
  readonly name?: string;
  readonly kind?: string;
  readonly causes?: readonly { readonly reason: string; readonly message: string; readonly field: string }[];
}

/** A `Status`, as the server writes it. */
export function statusBody(code: number, reason: string, message: string, details: Details = {}): unknown {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    details,
    code,
  };
}

export function refuse(code: number, reason: string, message: string, details: Details = {}): never {
  throw new Refusal(code, statusBody(code, reason, message, details));
}

export function invalid(kind: string, name: string, field: string, why: string): never {
  refuse(422, 'Invalid', `${kind} "${name}" is invalid: ${field}: ${why}`, {
    name,
    kind,
    causes: [{ reason: 'FieldValueInvalid', message: why, field }],
  });
}

/** `DELETE` and `GET` of what is not there; kinds are plural here, as in the path. */
export function missing(kind: string, name: string): never {
  refuse(404, 'NotFound', `${kind} "${name}" not found`, { name, kind });
}
