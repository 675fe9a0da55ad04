/** An error that the API answers with. */
export class Refusal extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status: number) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export function refuse(code: string, message: string, status = 400): never {
  throw new Refusal(code, message, status);
}
