import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { StoreUnavailableError } from '../../src/portable/errors.ts'
import { batch } from '../../src/postgres/batch.ts'
import { AnswerTimeoutError } from '../../src/postgres/with-timeout.ts'

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

const unavailable = (code?: string, severity?: string): StoreUnavailableError =>
  new StoreUnavailableError('made by a test', {
    cause: Object.assign(new Error('cause'), { code, severity }),
  })
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

  it.each([
    ['08006', 'ERROR'],
    ['XX000', 'ERROR'],
    ['57P01', 'ERROR'],
  ])(
    'are repeated alone when the server answers the batch with %s, and run alone for 30 s',
    async (code, severity) => {
      vi.useFakeTimers({ toFake: ['performance'] })
      onTestFinished(() => void vi.useRealTimers())
      const down = unavailable(code, severity)
      const sent: unknown[] = []
      const run = async (input: string | string[]): Promise<never[] | string> => {
        sent.push(input)
        if (input.includes('down')) throw down
        return Array.isArray(input) ? (input as never[]) : input
      }
      const read = batch<string, string>(
        (id) => run(id) as Promise<string>,
        (ids) => run(ids) as Promise<never[]>,
      )
      const outcome = [fulfilled('a'), rejected(down), fulfilled('b')]
      expect(await Promise.allSettled(['a', 'down', 'b'].map(read))).toStrictEqual(outcome)
      expect(sent.splice(0)).toStrictEqual([['a', 'down', 'b'], 'a', 'down', 'b'])
      vi.advanceTimersByTime(29_999)
      expect(await Promise.allSettled(['a', 'down', 'b'].map(read))).toStrictEqual(outcome)
      expect(sent.splice(0)).toStrictEqual(['a', 'down', 'b'])
      vi.advanceTimersByTime(1)
      expect(await Promise.all(['a', 'b'].map(read))).toStrictEqual(['a', 'b'])
      expect(sent).toStrictEqual([['a', 'b']])
    },
  )

  it('run alone for 30 s after a batch that the database did not answer in time', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const late = new AnswerTimeoutError('made by a test')
    const sent: unknown[] = []
    const read = batch<string, string>(
      async (id) => {
        sent.push(id)
        if (id === 'frozen') throw late
        return id
      },
      async (ids) => {
        sent.push(ids)
        throw late
      },
    )
    // The calls are late already.
    expect(await Promise.allSettled(['a', 'frozen'].map(read))).toStrictEqual([
      rejected(late),
      rejected(late),
    ])
    expect(await Promise.allSettled(['a', 'frozen'].map(read))).toStrictEqual([
      fulfilled('a'),
      rejected(late),
    ])
    vi.advanceTimersByTime(30_000)
    await Promise.allSettled(['a', 'b'].map(read))
    expect(sent).toStrictEqual([['a', 'frozen'], 'a', 'frozen', ['a', 'b']])
  })

  it('run alone while the caller says so', async () => {
    let isAlone = true
    const sent: unknown[] = []
    const write = batch<string, string>(
      async (id) => {
        sent.push(id)
        return id
      },
      async (ids) => {
        sent.push(ids)
        return ids
      },
      () => isAlone,
    )
    expect(await Promise.all(['a', 'b'].map(write))).toStrictEqual(['a', 'b'])
    isAlone = false
    expect(await Promise.all(['a', 'b'].map(write))).toStrictEqual(['a', 'b'])
    expect(sent).toStrictEqual(['a', 'b', ['a', 'b']])
  })

  it.each([
    [undefined, undefined],
    ['ECONNRESET', undefined],
    ['EPIPE', undefined],
    ['57P01', 'FATAL'],
    ['08P01', 'FATAL'],
    ['57P03', 'FATAL'],
    ['53300', 'FATAL'],
    ['25006', 'ERROR'],
    ['53100', 'ERROR'],
    ['57P01', undefined],
    ['57014', 'ERROR'],
    ['40P01', 'ERROR'],
    ['55P03', 'ERROR'],
  ])(
    'all fail without a repetition when the whole database is away or overloaded (%s)',
    async (code, severity) => {
      const gone = unavailable(code, severity)
      let statements = 0
      const write = batch<string, string>(
        () => Promise.reject(new Error('repeated alone')),
        async () => {
          statements++
          throw gone
        },
      )
      const failed = [rejected(gone), rejected(gone)]
      expect(await Promise.allSettled(['a', 'b'].map(write))).toStrictEqual(failed)
      expect(await Promise.allSettled(['a', 'b'].map(write))).toStrictEqual(failed)
      expect(statements).toBe(2)
    },
  )

  it('all fail without a repetition when the database does not answer', async () => {
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
