import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { FromServer, ServerConfig, ServerEvent, ToServer } from './messages.ts'

const SERVER = fileURLToPath(new URL('./server-process.ts', import.meta.url))
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const START_WITHIN = 30_000
const HEAP_WITHIN = 10_000
/** Number of characters kept of the output of a process. */
const MAX_TEXT = 4000

/** The server processes and their reports. */
export interface Fleet {
  /** The ports of the processes. A killed process keeps its old port until it has restarted. */
  readonly ports: readonly number[]
  readonly figures: FleetFigures
  /** Kills a process with -9 and starts it again after `downtime` milliseconds. */
  kill(index: number, downtime: number): Promise<void>
  /** Measures the heap of every process after garbage collection. */
  measureHeaps(): Promise<void>
  /** For each process, its last measured heap divided by its first. */
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
  configs: readonly ServerConfig[],
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
      env: { ...process.env, SERVER_CONFIG: JSON.stringify(configs[index]), NODE_ENV: 'test' },
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
      trouble(`process ${index} exited unexpectedly (${code ?? signal}): ${printed}`)
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
    async kill(index, downtime) {
      await end(members[index]!, 'SIGKILL')
      await new Promise((resolve) => setTimeout(resolve, downtime))
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
      await Promise.all(configs.map((_, index) => start(index)))
    },
    async stop() {
      stopped = true
      await Promise.all(members.map((member) => end(member, 'SIGKILL')))
    },
  }
  try {
    await Promise.all(configs.map((_, index) => start(index)))
    if (members.some(({ port }) => port === 0))
      throw new Error(figures.troubles.join('\n') || 'did not start')
  } catch (error) {
    await fleet.stop()
    throw error
  }
  return fleet
}

/** The last measured heap divided by the first, or null with fewer than two measurements. */
function ratioOf({ heaps }: Member): number | null {
  return heaps.length < 2 ? null : heaps.at(-1)! / heaps[0]!
}
