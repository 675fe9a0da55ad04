/** Does it for each, so many at a time. The first failure is thrown when those that were begun have ended. */
export async function inParallel<Item>(
  items: Iterable<Item>,
  atOnceMax: number,
  run: (item: Item) => Promise<void>,
): Promise<void> {
  const left = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const work = async () => {
    for (let next = left.next(); next.done !== true && failures.length === 0; next = left.next()) {
      try {
        await run(next.value);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnceMax }, work));
  if (failures.length > 0) throw failures[0];
}
