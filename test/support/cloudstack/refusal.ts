/** An error that the API answers with; its code is the HTTP status, too. */
export class Refusal extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export function refuse(code: number, message: string): never {
  throw new Refusal(code, message);
}

/** What CloudStack says of an id that it has never given out. */
export function refuseUnknown(command: string, parameter: string, value: string): never {
  return refuse(
    431,
    `Unable to execute API command ${command.toLowerCase()} due to invalid value. Invalid parameter ${parameter} value=${value} due to incorrect long value format, or entity does not exist or due to incorrect parameter annotation for the field in api cmd class.`,
  );
}
