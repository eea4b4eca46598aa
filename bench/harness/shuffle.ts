/** In place; the same order in each run. */
export function shuffle(list: unknown[]): void {
  let state = 1
  for (let index = list.length - 1; index > 0; index--) {
    state = (state * 48_271) % 0x7fffffff
    const other = state % (index + 1)
    ;[list[index], list[other]] = [list[other], list[index]]
  }
}
