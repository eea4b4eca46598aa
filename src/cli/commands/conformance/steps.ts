import { Failure } from '../../terminal/errors.ts'
import type { Report } from './observation.ts'

/** How long a driver that asks for a step may wait for one, in ms. */
const LONGEST_WAIT = 60_000
const MAX_ANSWERS = 100

/** What a driver is asked to do. */
export interface Step {
  readonly do: 'start' | 'restart' | 'sign-in' | 'sign-out' | 'requests' | 'wait' | 'end'
  readonly [field: string]: unknown
}

/** The driver did not carry out a step. */
export class DriverFailure extends Error {}

/** Hands steps to a driver, one at a time, and takes its reports. */
export interface Steps {
  /**
   * @returns null if the client's process restarted in a step that allows for it
   * @throws DriverFailure
   */
  hand(step: Step): Promise<Report | null>
  /** The answer to a driver: status and body. @param report undefined: it only asks for its step */
  control(report: unknown): Promise<readonly [number, object]>
  /** The client's process has ended. */
  gone(how: string): void
  /** Nobody can carry out any step: {@link contact} and {@link hand} fail. */
  abandon(error: Error): void
  /** How many requests the drivers have sent. */
  readonly asked: number
  /** Whether the last step is done. */
  readonly isOver: boolean
  /** Tells the driver to end. @returns when it knows, or does not ask */
  finish(): Promise<void>
  /** Resolves with the first request of a driver. */
  readonly contact: Promise<void>
}

interface Current {
  readonly step: Step & { readonly step: number }
  settle(report: Report | null): void
  fail(error: Error): void
}

/** @param longest how long the driver may take for a step, in ms */
export function createSteps(longest: number): Steps {
  let current: Current | null = null
  let last = 0
  let hasEnded = false
  let waiting: (() => void)[] = []
  let told = (): void => {}
  const isTold = new Promise<void>((resolve) => {
    told = resolve
  })
  let asked = 0
  let abandoned: Error | null = null
  let meet = (): void => {}
  let miss = (_error: Error): void => {}
  const contact = new Promise<void>((resolve, reject) => {
    meet = resolve
    miss = reject
  })
  // Nobody may wait for it any more.
  contact.catch(() => {})

  function wake(): void {
    for (const go of waiting) go()
    waiting = []
  }

  function abandon(error: Error): void {
    abandoned = error
    miss(error)
    current?.fail(error)
    hasEnded = true
    wake()
  }

  async function next(): Promise<readonly [number, object]> {
    if (current === null && !hasEnded) await within(LONGEST_WAIT, (resolve) => waiting.push(resolve))
    if (hasEnded) told()
    return [200, current?.step ?? { step: last + 1, do: hasEnded ? 'end' : 'again' }]
  }

  return {
    contact,
    get asked() {
      return asked
    },
    get isOver() {
      return hasEnded
    },
    async hand(step) {
      if (abandoned !== null) throw abandoned
      last++
      let giveUp: NodeJS.Timeout | undefined
      try {
        return await new Promise<Report | null>((settle, fail) => {
          current = { step: { step: last, ...step }, settle, fail }
          const late = `did not report the step \`${step.do}\` within ${longest / 1000} s`
          giveUp = setTimeout(() => fail(new DriverFailure(late)), longest)
          wake()
        })
      } finally {
        clearTimeout(giveUp)
        current = null
      }
    },
    async control(report) {
      asked++
      meet()
      if (report === undefined) return next()
      const parsed = parseReport(report)
      if (typeof parsed === 'string') {
        abandon(new Failure(`the driver sent a wrong report: ${parsed}`))
        return [400, { error: parsed }]
      }
      // A repeated report of an older step changes nothing.
      if (current !== null && parsed.step === current.step.step) {
        current.settle(parsed)
        current = null
      }
      return next()
    },
    gone(how) {
      if (current === null) return
      const { step, settle, fail } = current
      if (step.do === 'start' || step.do === 'restart') settle(null)
      else fail(new DriverFailure(`${how} in the step \`${step.do}\``))
    },
    abandon,
    async finish() {
      hasEnded = true
      wake()
      await Promise.race([isTold, new Promise((resolve) => setTimeout(resolve, 1000).unref())])
    },
  }
}

async function within(ms: number, wait: (resolve: () => void) => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
    wait(resolve)
  })
  clearTimeout(timer)
}

/** @returns what is wrong with it, in words */
function parseReport(value: unknown): (Report & { readonly step: number }) | string {
  const { step, answers = [], signedIn = null, stored = null } = Object(value) as Record<string, unknown>
  if (!Number.isInteger(step)) return '`step` must be the number of the step'
  if (!Array.isArray(answers) || answers.length > MAX_ANSWERS || !answers.every(isStatus))
    return '`answers` must be an array of statuses, 0 for a request without an answer'
  if (!isFlag(signedIn)) return '`signedIn` must be true, false or null'
  if (!isFlag(stored)) return '`stored` must be true, false or null'
  return { step: step as number, answers, signedIn, stored }
}

function isStatus(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 1000
}

function isFlag(value: unknown): value is boolean | null {
  return value === null || typeof value === 'boolean'
}
