import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Bundle, bundle } from './bundle.ts'
import type { Call, Commands, Event, FromMember, LearnedEnd, MemberConfig } from './commands.ts'

const MEMBER = new URL(`./member${extname(import.meta.url)}`, import.meta.url)
const START_WITHIN = 60_000
const CLOSE_WITHIN = 10_000
/** Number of characters kept of the output of a process. */
const MAX_TEXT = 4000

type Remote = {
  readonly [Name in keyof Commands]: (
    ...given: Parameters<Commands[Name]>
  ) => Promise<Awaited<ReturnType<Commands[Name]>>>
}

/** A separate process with open sessions. */
export interface Member {
  readonly do: Remote
  /** All events so far, in order. */
  readonly events: readonly Event[]
  /** The ends that the process has learned of, by session id. */
  readonly learned: ReadonlyMap<string, LearnedEnd>
  readonly alive: boolean
  /** Closes its sessions and waits for its exit. @returns its output @throws when it fails or does not exit */
  close(): Promise<string>
  kill(): Promise<void>
}

export interface Fleet {
  start(config: MemberConfig): Promise<Member>
  startMany(count: number, config: MemberConfig | ((index: number) => MemberConfig)): Promise<Member[]>
  /** Kills the remaining processes. */
  stop(): Promise<void>
}

/** @param sources as for {@link bundle} */
export function createFleet(sources?: string): Fleet {
  const members = new Set<Member>()
  let program: Promise<Bundle> | null = null
  const start = async (config: MemberConfig): Promise<Member> => {
    program ??= bundle(MEMBER, sources)
    const { member, ready } = spawnMember((await program).path, config)
    members.add(member)
    await ready
    return member
  }
  return {
    start,
    startMany: (count, config) =>
      Promise.all(
        Array.from({ length: count }, (_, index) =>
          start(typeof config === 'function' ? config(index) : config),
        ),
      ),
    async stop() {
      await Promise.all([...members].map((member) => member.kill()))
      await (await program)?.remove()
    },
  }
}

function spawnMember(program: string, config: MemberConfig): { member: Member; ready: Promise<void> } {
  const child = fork(program, {
    execArgv: ['--expose-gc'],
    env: { ...process.env, MEMBER_CONFIG: JSON.stringify(config), NODE_ENV: 'test', NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const open = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  const events: Event[] = []
  const learned = new Map<string, LearnedEnd>()
  let printed = ''
  let calls = 0

  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      if (printed.length < MAX_TEXT) printed += chunk.toString()
    })
  }
  const exited = once(child, 'exit')
  void exited.then(() => {
    for (const { reject } of open.values()) reject(gone())
    open.clear()
  })

  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the process did not start within ${START_WITHIN} ms: ${printed}`)),
      START_WITHIN,
    )
    child.once('exit', () => {
      clearTimeout(timer)
      reject(new Error(`the process exited during its start: ${printed}`))
    })
    child.on('message', (message: FromMember) => {
      if (message.type === 'ready') {
        clearTimeout(timer)
        resolve()
      } else if (message.type === 'event') events.push(message.event)
      else if (message.type === 'learned') learned.set(message.learned.sessionId, message.learned)
      else {
        const call = open.get(message.id)
        open.delete(message.id)
        if (message.type === 'answer') call?.resolve(message.value)
        else call?.reject(Object.assign(new Error(), message.error))
      }
    })
  })

  const remote = new Proxy({} as Remote, {
    get:
      (_, command: keyof Commands) =>
      (...parameters: unknown[]) =>
        new Promise((resolve, reject) => {
          if (!child.connected) return reject(gone())
          const call: Call = { id: ++calls, command, parameters }
          open.set(call.id, { resolve, reject })
          child.send(call, (error) => {
            if (error !== null) reject(gone())
          })
        }),
  })

  const alive = (): boolean => child.exitCode === null && child.signalCode === null
  const member: Member = {
    do: remote,
    events,
    learned,
    get alive() {
      return alive() && child.connected
    },
    async close() {
      if (child.connected) child.send({ id: 0, command: 'close', parameters: [] } satisfies Call)
      const late = sleep(CLOSE_WITHIN, 'late', { ref: false })
      if ((await Promise.race([exited, late])) === 'late') {
        await member.kill()
        throw new Error(`the process did not exit within ${CLOSE_WITHIN} ms after closing its sessions`)
      }
      if (child.exitCode !== 0)
        throw new Error(`the process exited with ${child.exitCode ?? child.signalCode}: ${printed}`)
      return printed
    },
    kill: () => kill(child, exited),
  }
  return { member, ready }
}

async function kill(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await exited
}

/** The code of the error of a call to an exited process. */
export const GONE = 'ERR_PROCESS_GONE'

function gone(): Error {
  return Object.assign(new Error('the process has exited'), { code: GONE })
}
