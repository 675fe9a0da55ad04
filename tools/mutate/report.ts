/** What is read of Vitest's JSON report. */
export interface Report {
  readonly testResults: readonly {
    /** The test file, absolute. */
    readonly name: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

function has(report: Report, file: string, test: string, status: string): boolean {
  return report.testResults.some(
    ({ name, assertionResults }) =>
      name.endsWith(file) &&
      assertionResults.some((one) => one.status === status && one.fullName.includes(test)),
  );
}

/** Whether a test whose full name has `test` in it has passed. */
export const passed = (report: Report, file: string, test: string): boolean =>
  has(report, file, test, 'passed');

export const failed = (report: Report, file: string, test: string): boolean =>
  has(report, file, test, 'failed');
