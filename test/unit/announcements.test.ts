import { describe, expect, it } from 'vitest'
import { type Announcements, createAnnouncements } from '../../src/core/revocation/announcements.ts'

const T0 = Date.UTC(2030, 0, 1)
const SECOND = 1000
const MINUTE = 60 * SECOND

describe('announcements', () => {
  /** A poll at `foundAt` finds a change that a process made at `changedAt`. @returns whether LISTEN counts as complete */
  const judged = (
    announcements: Announcements,
    changedAt: number,
    foundAt = changedAt + 20 * SECOND,
  ): boolean => {
    announcements.found(changedAt, foundAt)
    return announcements.isComplete(foundAt + 5 * SECOND)
  }

  it('are complete until a change was not announced', () => {
    const announcements = createAnnouncements()
    expect(announcements.isComplete(T0)).toBe(true)
    expect(judged(announcements, T0 + MINUTE)).toBe(false)
  })

  it.each([
    ['just before the change, by a clock that is a little off', -1],
    ['with the change', 0],
    ['as late after the change as its commit may come', 15],
  ])('take a notification of a process %s for its announcement', (_, seconds) => {
    const announcements = createAnnouncements()
    announcements.heard('process', T0 + MINUTE + seconds * SECOND)
    expect(judged(announcements, T0 + MINUTE)).toBe(true)
  })

  it.each([
    ['earlier', -3],
    ['later', 18],
  ])('do not take a notification of a process %s for that of a change', (_, seconds) => {
    const announcements = createAnnouncements()
    announcements.heard('process', T0 + MINUTE + seconds * SECOND)
    expect(judged(announcements, T0 + MINUTE)).toBe(false)
  })

  it('take a notification of unknown origin for that of each change before it, which may be committed late', () => {
    const announcements = createAnnouncements()
    announcements.found(T0 + MINUTE, T0 + 3 * MINUTE)
    announcements.heard('unknown', T0 + 3 * MINUTE + 4 * SECOND)
    expect(announcements.isComplete(T0 + 4 * MINUTE)).toBe(true)
    expect(judged(announcements, T0 + 5 * MINUTE)).toBe(false)
  })

  it('wait five seconds for a notification that is under way', () => {
    const announcements = createAnnouncements()
    announcements.found(T0 + MINUTE, T0 + MINUTE)
    expect(announcements.isComplete(T0 + MINUTE + 4999)).toBe(true)
    expect(announcements.isComplete(T0 + MINUTE + 5000)).toBe(false)
  })

  it('forget what was found, if its notification is lost', () => {
    const announcements = createAnnouncements()
    announcements.found(T0 + MINUTE, T0 + MINUTE)
    announcements.restart()
    expect(announcements.isComplete(T0 + 2 * MINUTE)).toBe(true)
  })

  it.each(['process', 'unknown'] as const)(
    'are complete again ten minutes later and once another notification (%s) has arrived, and after ever longer pauses',
    (sender) => {
      const announcements = createAnnouncements()
      let now = T0 + MINUTE
      for (const minutes of [10, 20, 40, 80, 160, 320, 360, 360]) {
        expect(judged(announcements, now)).toBe(false)
        now += 25 * SECOND + minutes * MINUTE
        expect(announcements.isComplete(now)).toBe(false)
        announcements.heard(sender, now)
        expect(announcements.isComplete(now - 1)).toBe(false)
        expect(announcements.isComplete(now)).toBe(true)
        now += MINUTE
      }
      // A day without such a change later, the first pause is short again.
      now += 24 * 60 * MINUTE
      expect(judged(announcements, now)).toBe(false)
      now += 25 * SECOND + 10 * MINUTE
      announcements.heard(sender, now)
      expect(announcements.isComplete(now)).toBe(true)
    },
  )

  it('do not judge changes that are older than the notifications they remember', () => {
    const announcements = createAnnouncements()
    expect(judged(announcements, T0 + MINUTE, T0 + MINUTE + 101 * SECOND)).toBe(true)
    expect(judged(announcements, T0 + MINUTE, T0 + MINUTE + 100 * SECOND)).toBe(false)
  })

  it('excuse changes that may be of this process, and count them for no notification', () => {
    const announcements = createAnnouncements()
    expect(judged(announcements, T0 + MINUTE)).toBe(false)
    announcements.excuse(T0 + 20 * MINUTE)
    expect(announcements.isComplete(T0 + 20 * MINUTE)).toBe(false)
    announcements.heard('process', T0 + 20 * MINUTE)
    expect(judged(announcements, T0 + 20 * MINUTE - SECOND)).toBe(true)
  })

  it('judge bounded numbers of changes and notifications', () => {
    const announcements = createAnnouncements()
    for (let index = 0; index < 100_000; index++) {
      announcements.found(T0 + index, T0 + index)
      announcements.heard('process', T0 + index * SECOND)
    }
    // The notifications of the last two minutes are known.
    const last = T0 + 99_999 * SECOND
    expect(judged(announcements, last - MINUTE)).toBe(false)
    expect(createAnnouncements().isComplete(last)).toBe(true)
  })
})
