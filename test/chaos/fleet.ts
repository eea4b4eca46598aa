import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { FromServer, ServerEvent, ServerOrders, ToServer } from './messages.ts'

const SERVER = fileURLToPath(new URL('./server-process.ts', import.meta.url))
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const START_WITHIN = 30_000
const HEAP_WITHIN = 10_000
/** Kept of what processes print or report, in characters. */
const MAX_TEXT = 4000

/** The server processes of a storm, and what they have reported. */
export interface Fleet {
  /** The ports to ask at; one that was killed keeps its old port until it is back. */
  readonly ports: readonly number[]
  readonly figures: FleetFigures
  /** Kills one with -9 and starts it again `after` milliseconds. */
  kill(index: number, after: number): Promise<void>
  /** Measures every heap after garbage collection; remembers the first and the last of each process. */
  measureHeaps(): Promise<void>
  /** How much the heap of a process has grown between its first and its last measurement. */
  heapRatios(): number[]
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface FleetFigures {
  crashed: number
  unhandled: number
  failed: number
  zeroRows: number
  readonly troubles: string[]
}

interface Member {
  child: ChildProcess
  port: number
  expected: boolean
  zeroRows: number
  heaps: number[]
}

export async function startFleet(
  orders: readonly ServerOrders[],
  onEvent: (event: ServerEvent, process: number) => void,
): Promise<Fleet> {
  const figures: FleetFigures = { crashed: 0, unhandled: 0, failed: 0, zeroRows: 0, troubles: [] }
  const members: Member[] = []
  const pastRatios: number[] = []
  let stopped = false

  const trouble = (text: string): void => {
    if (figures.troubles.length < 20) figures.troubles.push(text.slice(0, MAX_TEXT))
  }

  async function start(index: number): Promise<void> {
    const child = fork(SERVER, {
      execArgv: ['--import', TSX, '--expose-gc'],
      env: { ...process.env, CHAOS_ORDERS: JSON.stringify(orders[index]), NODE_ENV: 'test' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    const old = members[index]
    const member: Member = { child, port: old?.port ?? 0, expected: false, zeroRows: 0, heaps: [] }
    members[index] = member
    let printed = ''
    child.stderr!.on('data', (chunk: Buffer) => {
      if (printed.length < MAX_TEXT) printed += chunk.toString()
    })
    child.on('exit', (code, signal) => {
      figures.zeroRows += member.zeroRows
      member.zeroRows = 0
      const ratio = ratioOf(member)
      if (ratio !== null) pastRatios.push(ratio)
      member.heaps = []
      if (member.expected) return
      figures.crashed++
      trouble(`process ${index} ended by itself (${code ?? signal}): ${printed}`)
    })
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, START_WITHIN)
      const done = (): void => {
        clearTimeout(timer)
        resolve()
      }
      child.once('exit', done)
      child.on('message', (message: FromServer) => {
        if (message.type === 'ready') {
          member.port = message.port
          done()
        } else if (message.type === 'events') {
          for (const event of message.events) onEvent(event, index)
        } else if (message.type === 'zeroRows') {
          member.zeroRows = message.count
        } else if (message.type === 'trouble') {
          figures[message.kind]++
          trouble(`process ${index}: ${message.text}`)
        }
      })
    })
  }

  async function end(member: Member, signal: 'SIGKILL'): Promise<void> {
    member.expected = true
    const { child } = member
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  async function heapOf({ child }: Member): Promise<number | null> {
    if (!child.connected) return null
    return new Promise((resolve) => {
      const done = (bytes: number | null): void => {
        clearTimeout(timer)
        child.off('message', onMessage)
        child.off('exit', onExit)
        resolve(bytes)
      }
      const onMessage = (message: FromServer): void => {
        if (message.type === 'heap') done(message.bytes)
      }
      const onExit = (): void => done(null)
      const timer = setTimeout(onExit, HEAP_WITHIN)
      child.on('message', onMessage)
      child.once('exit', onExit)
      child.send('heap' satisfies ToServer)
    })
  }

  const fleet: Fleet = {
    get ports() {
      return members.map(({ port }) => port)
    },
    figures,
    async kill(index, after) {
      await end(members[index]!, 'SIGKILL')
      await new Promise((resolve) => setTimeout(resolve, after))
      if (!stopped) await start(index)
    },
    async measureHeaps() {
      await Promise.all(
        members.map(async (member) => {
          const bytes = await heapOf(member)
          if (bytes !== null) member.heaps.push(bytes)
        }),
      )
    },
    heapRatios: () => [...pastRatios, ...members.map(ratioOf)].filter((ratio) => ratio !== null),
    async restart() {
      await Promise.all(members.map((member) => end(member, 'SIGKILL')))
      await Promise.all(orders.map((_, index) => start(index)))
    },
    async stop() {
      stopped = true
      await Promise.all(members.map((member) => end(member, 'SIGKILL')))
    },
  }
  try {
    await Promise.all(orders.map((_, index) => start(index)))
    if (members.some(({ port }) => port === 0))
      throw new Error(figures.troubles.join('\n') || 'did not start')
  } catch (error) {
    await fleet.stop()
    throw error
  }
  return fleet
}

/** Between the first and the last measurement of one process; null when there are not two. */
function ratioOf({ heaps }: Member): number | null {
  return heaps.length < 2 ? null : heaps.at(-1)! / heaps[0]!
}
