/** Has this process believe that it is another time. */
export function startShiftedClock(milliseconds: number): { set(milliseconds: number): void } {
  const RealDate = Date
  const realNow = Date.now
  let off = milliseconds
  const now = (): number => realNow() + off

  globalThis.Date = new Proxy(RealDate, {
    construct: (target, given, newTarget) =>
      Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget) as Date,
    get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
  })
  return {
    set(next) {
      off = next
    },
  }
}
