import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { gather } from '../../src/postgres/gather.ts'

interface Thing {
  readonly id: string
}

/** A table of these ids, and what was asked of it. */
function table(...ids: string[]) {
  const asked: (string | string[])[] = []
  const there = new Set(ids)
  const read = gather<Thing>(
    async (id) => {
      asked.push(id)
      return there.has(id) ? { id } : null
    },
    async (list) => {
      asked.push(list)
      // In an order of its own, as a database answers.
      return list
        .filter((id) => there.has(id))
        .toReversed()
        .map((id) => ({ id }))
    },
  )
  return { read, asked, there }
}

describe('looks at rows that come together', () => {
  it('take one statement, and each gets its own row, or none', async () => {
    const { read, asked } = table('a', 'b', 'c')
    expect(await Promise.all(['b', 'nobody', 'a', 'c'].map(read))).toStrictEqual([
      { id: 'b' },
      null,
      { id: 'a' },
      { id: 'c' },
    ])
    expect(asked).toStrictEqual([['b', 'nobody', 'a', 'c']])
  })

  it('share the row where they ask for the same one', async () => {
    const { read, asked } = table('a')
    const [one, other] = await Promise.all([read('a'), read('a')])
    expect(one).toStrictEqual({ id: 'a' })
    expect(other).toBe(one)
    expect(asked).toStrictEqual(['a'])
  })

  it('go by the primary key alone where there is one of them', async () => {
    const { read, asked } = table('a')
    expect(await read('a')).toStrictEqual({ id: 'a' })
    expect(await read('nobody')).toBeNull()
    expect(asked).toStrictEqual(['a', 'nobody'])
  })

  it('are split where there are more than a hundred', async () => {
    const ids = Array.from({ length: 250 }, (_, index) => String(index))
    const { read, asked } = table(...ids)
    expect(await Promise.all(ids.map(read))).toStrictEqual(ids.map((id) => ({ id })))
    expect(asked.map(({ length }) => length)).toStrictEqual([100, 100, 50])
  })

  it('never get an answer to a question that was asked before theirs', async () => {
    let resolve = (): void => {}
    const promise = new Promise<void>((done) => {
      resolve = done
    })
    const answers: string[][] = []
    const read = gather<Thing & { readonly seen: number }>(
      () => Promise.reject(new Error('there are two each time')),
      async (ids) => {
        answers.push(ids)
        const seen = answers.length
        if (seen === 1) await promise
        return ids.map((id) => ({ id, seen }))
      },
    )
    const first = Promise.all([read('a'), read('b')])
    await nextTurn()
    const second = Promise.all([read('a'), read('b')])
    expect((await second).map((row) => row?.seen)).toStrictEqual([2, 2])
    resolve()
    expect((await first).map((row) => row?.seen)).toStrictEqual([1, 1])
  })

  it('all fail with the statement that was theirs, and only with that', async () => {
    let broken = true
    const failure = new Error('made by a test')
    const read = gather<Thing>(
      async (id) => ({ id }),
      async (ids) => {
        if (broken) throw failure
        return ids.map((id) => ({ id }))
      },
    )
    expect(await Promise.allSettled([read('a'), read('b')])).toStrictEqual([
      { status: 'rejected', reason: failure },
      { status: 'rejected', reason: failure },
    ])
    broken = false
    expect(await Promise.all([read('a'), read('b')])).toStrictEqual([{ id: 'a' }, { id: 'b' }])
  })
})
