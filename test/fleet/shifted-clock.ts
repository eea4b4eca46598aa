/** Shifts the clock of this process. */
export function startShiftedClock(milliseconds: number): { set(milliseconds: number): void } {
  const RealDate = Date
  const realNow = Date.now
  let offset = milliseconds
  const now = (): number => realNow() + offset

  globalThis.Date = new Proxy(RealDate, {
    construct: (target, given, newTarget) =>
      Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget) as Date,
    get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
  })
  return {
    set(next) {
      offset = next
    },
  }
}
