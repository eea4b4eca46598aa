import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { StoreUnavailableError } from '../../src/portable/errors.ts'
import { batch } from '../../src/postgres/batch.ts'

/** A table of these ids. Records the input of each statement. */
function table(...ids: string[]) {
  const sent: (string | string[])[] = []
  const find = (id: string): string | null => (ids.includes(id) ? `row of ${id}` : null)
  const read = batch<string, string | null>(
    async (id) => {
      sent.push(id)
      return find(id)
    },
    async (list) => {
      sent.push(list)
      return list.map(find)
    },
  )
  return { read, sent }
}

const rejected = (reason: unknown) => ({ status: 'rejected', reason })
const fulfilled = (value: unknown) => ({ status: 'fulfilled', value })

describe('calls of one event-loop turn', () => {
  it('share one statement, and each gets its own result', async () => {
    const { read, sent } = table('a', 'b', 'c')
    expect(await Promise.all(['b', 'unknown', 'a', 'c', 'a'].map(read))).toStrictEqual([
      'row of b',
      null,
      'row of a',
      'row of c',
      'row of a',
    ])
    expect(sent).toStrictEqual([['b', 'unknown', 'a', 'c', 'a']])
  })

  it('use the single statement when a call is alone', async () => {
    const { read, sent } = table('a')
    expect(await read('a')).toBe('row of a')
    expect(await read('unknown')).toBeNull()
    expect(sent).toStrictEqual(['a', 'unknown'])
  })

  it('are split into batches of eight', async () => {
    const ids = Array.from({ length: 17 }, (_, index) => String(index))
    const { read, sent } = table(...ids)
    expect(await Promise.all(ids.map(read))).toStrictEqual(ids.map((id) => `row of ${id}`))
    expect(sent).toStrictEqual([ids.slice(0, 8), ids.slice(8, 16), '16'])
  })

  it('never get the result of a statement that was sent before the call', async () => {
    let resolve = (): void => {}
    const promise = new Promise<void>((done) => {
      resolve = done
    })
    let statements = 0
    const read = batch<string, number>(
      () => Promise.reject(new Error('each turn has two calls')),
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

  it('are repeated alone when the database rejects the batch, so that only the bad one fails', async () => {
    const refused = new Error('made by a test')
    const alone: string[] = []
    const write = batch<string, string>(
      async (input) => {
        alone.push(input)
        if (input === 'bad') throw refused
        return `${input} is written`
      },
      async (list) => {
        if (list.includes('bad')) throw refused
        return list.map((input) => `${input} is written`)
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

  it('all fail without a repetition when the database cannot be reached', async () => {
    const gone = new StoreUnavailableError('made by a test')
    let statements = 0
    const write = batch<string, string>(
      () => Promise.reject(new Error('repeated alone')),
      async () => {
        statements++
        throw gone
      },
    )
    expect(await Promise.allSettled(['a', 'b'].map(write))).toStrictEqual([rejected(gone), rejected(gone)])
    expect(statements).toBe(1)
  })
})
