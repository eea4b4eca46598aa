import { readdir, readFile } from 'node:fs/promises'
import type pg from 'pg'

/** Of Linux: the unit of times in `/proc/PID/stat` is a hundredth of a second. */
const TICK_US = 10_000

/** The main process of the PostgreSQL server. @returns null if it does not run on this machine */
export async function postmasterOf(pool: pg.Pool): Promise<number | null> {
  const { rows } = await pool.query('select pg_backend_pid() as pid')
  const backend = await statOf(rows[0].pid)
  return backend?.name === 'postgres' ? backend.parent : null
}

/** Processor time so far of a process and its children, in µs, also of children that have ended. */
export async function processorTimeOf(root: number): Promise<number> {
  const all = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const times = await Promise.all(
    all.map(async (name) => {
      const pid = Number(name)
      const stat = await statOf(pid)
      if (stat === null) return 0
      if (pid === root) return (await runTimeOf(pid)) + stat.reaped
      return stat.parent === root ? runTimeOf(pid) : 0
    }),
  )
  return times.reduce((sum, time) => sum + time, 0)
}

/** @returns null if the process has ended, or on a system without `/proc` */
async function statOf(pid: number): Promise<{ name: string; parent: number; reaped: number } | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => null)
  if (stat === null) return null
  // The name may contain spaces and parentheses.
  const end = stat.lastIndexOf(')')
  const fields = stat.slice(end + 2).split(' ')
  return {
    name: stat.slice(stat.indexOf('(') + 1, end),
    parent: Number(fields[1]),
    reaped: (Number(fields[13]) + Number(fields[14])) * TICK_US,
  }
}

/** In µs, of all threads. */
async function runTimeOf(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  const times = await Promise.all(
    threads.map(async (thread) => {
      const stat = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').catch(() => '0')
      return Number(stat.split(' ', 1)[0]) / 1000
    }),
  )
  return times.reduce((sum, time) => sum + time, 0)
}
