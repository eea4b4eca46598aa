import { readdirSync, readFileSync } from 'node:fs'

/**
 * Signals processes and all their descendants, parents first, so that none can fork another one meanwhile. A process
 * group is not enough: each backend of PostgreSQL has a session of its own. Linux only.
 */
export function signalTrees(roots: readonly number[], signal: NodeJS.Signals): void {
  for (const root of roots) send(root, signal)
  const parents = parentsByProcess()
  const reached = new Set(roots)
  // A set is iterated in the order of insertion, with what is added on the way.
  for (const pid of reached)
    for (const [child, parent] of parents) {
      if (parent !== pid || reached.has(child)) continue
      reached.add(child)
      send(child, signal)
    }
}

/** Whether the process exists and is not a zombie. */
export function isRunning(pid: number): boolean {
  const status = statusOf(pid)
  return status !== null && status.state !== 'Z'
}

function parentsByProcess(): Map<number, number> {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const status = Number.isInteger(pid) ? statusOf(pid) : null
    if (status !== null) parents.set(pid, status.parent)
  }
  return parents
}

function statusOf(pid: number): { state: string; parent: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the command in parentheses, and may contain spaces and parentheses itself.
    const [state = '', parent = ''] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state, parent: Number(parent) }
  } catch {
    return null
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has exited.
  }
}
