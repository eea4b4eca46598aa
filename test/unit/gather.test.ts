import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { StoreUnavailableError } from '../../src/portable/errors.ts'
import { gather } from '../../src/postgres/gather.ts'

/** A table of these ids, and what was asked of it. */
function table(...ids: string[]) {
  const asked: (string | string[])[] = []
  const find = (id: string): string | null => (ids.includes(id) ? `row of ${id}` : null)
  const read = gather<string, string | null>(
    async (id) => {
      asked.push(id)
      return find(id)
    },
    async (list) => {
      asked.push(list)
      return list.map(find)
    },
  )
  return { read, asked }
}

const rejected = (reason: unknown) => ({ status: 'rejected', reason })
const fulfilled = (value: unknown) => ({ status: 'fulfilled', value })

describe('what is asked for in one turn of the event loop', () => {
  it('takes one statement, and each gets its own answer', async () => {
    const { read, asked } = table('a', 'b', 'c')
    expect(await Promise.all(['b', 'nobody', 'a', 'c', 'a'].map(read))).toStrictEqual([
      'row of b',
      null,
      'row of a',
      'row of c',
      'row of a',
    ])
    expect(asked).toStrictEqual([['b', 'nobody', 'a', 'c', 'a']])
  })

  it('takes the statement for one where it is alone', async () => {
    const { read, asked } = table('a')
    expect(await read('a')).toBe('row of a')
    expect(await read('nobody')).toBeNull()
    expect(asked).toStrictEqual(['a', 'nobody'])
  })

  it('is split by eight', async () => {
    const ids = Array.from({ length: 17 }, (_, index) => String(index))
    const { read, asked } = table(...ids)
    expect(await Promise.all(ids.map(read))).toStrictEqual(ids.map((id) => `row of ${id}`))
    expect(asked).toStrictEqual([ids.slice(0, 8), ids.slice(8, 16), '16'])
  })

  it('never gets an answer to a question that was asked before', async () => {
    let resolve = (): void => {}
    const promise = new Promise<void>((done) => {
      resolve = done
    })
    let statements = 0
    const read = gather<string, number>(
      () => Promise.reject(new Error('there are two each time')),
      async (ids) => {
        const seen = ++statements
        if (seen === 1) await promise
        return ids.map(() => seen)
      },
    )
    const first = Promise.all([read('a'), read('b')])
    await nextTurn()
    const second = Promise.all([read('a'), read('b')])
    expect(await second).toStrictEqual([2, 2])
    resolve()
    expect(await first).toStrictEqual([1, 1])
  })

  it('fails alone where the database refuses it', async () => {
    const refused = new Error('made by a test')
    const alone: string[] = []
    const write = gather<string, string>(
      async (asked) => {
        alone.push(asked)
        if (asked === 'bad') throw refused
        return `${asked} is written`
      },
      async (list) => {
        if (list.includes('bad')) throw refused
        return list.map((asked) => `${asked} is written`)
      },
    )
    expect(await Promise.allSettled(['a', 'bad', 'b'].map(write))).toStrictEqual([
      fulfilled('a is written'),
      rejected(refused),
      fulfilled('b is written'),
    ])
    expect(alone).toStrictEqual(['a', 'bad', 'b'])
    expect(await Promise.all(['a', 'b'].map(write))).toStrictEqual(['a is written', 'b is written'])
  })

  it('fails together, and at once, where the database cannot be reached', async () => {
    const gone = new StoreUnavailableError('made by a test')
    let statements = 0
    const write = gather<string, string>(
      () => Promise.reject(new Error('asked again')),
      async () => {
        statements++
        throw gone
      },
    )
    expect(await Promise.allSettled(['a', 'b'].map(write))).toStrictEqual([rejected(gone), rejected(gone)])
    expect(statements).toBe(1)
  })
})
