import type { Reporter, TestModule } from 'vitest/node';

/**
 * Ends a run with the line `N passed, N failed, N skipped`, after a line `FAILED file > test: why` for each failure.
 * A file that does not load, a hook that throws and an unhandled rejection each count as one failure: a run that
 * broke is never reported as green.
 */
// biome-ignore lint/style/noDefaultExport: Vitest loads a reporter by its default export.
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const failures = unhandledErrors.map((error) => failure('outside of any test', [error]));
    let passed = 0;
    let skipped = 0;
    for (const module of modules) {
      const failuresBefore = failures.length;
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'skipped') skipped += 1;
        else failures.push(failure(`${module.relativeModuleId} > ${test.fullName}`, errors ?? []));
      }
      if (failures.length === failuresBefore && module.state() === 'failed') {
        failures.push(failure(module.relativeModuleId, module.errors()));
      }
    }
    process.on('exit', () => {
      for (const line of failures) process.stdout.write(`${line}\n`);
      process.stdout.write(`${passed} passed, ${failures.length} failed, ${skipped} skipped\n`);
    });
  }
}

/** One line, however long the message is. */
function failure(where: string, [first]: readonly unknown[]): string {
  const message =
    typeof first === 'object' && first !== null && 'message' in first ? first.message : JSON.stringify(first);
  return `FAILED ${where}: ${String(message).replaceAll(/\s+/g, ' ').slice(0, 500)}`;
}
