import { mkdir, readdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { InvalidOptionsError, StoreUnavailableError } from '../../portable/errors.ts'
import { toError } from '../driver-error.ts'
import { lockFolder, type Unlock } from './folder-lock.ts'
import type { PGliteLike } from './pglite.ts'

/** A database in a folder, as one store sees it. */
export interface Folder {
  open(): Promise<PGliteLike>
  /** Closes the database if no other store uses it. */
  close(): Promise<void>
}

/** A database that is open, and the stores that use it. */
interface Opened {
  readonly users: Set<object>
  readonly database: Promise<{ readonly pglite: PGliteLike; readonly unlock: Unlock }>
}

/** Shared by all copies of this module: a dev server may load it again while the old stores are still open. */
const KEY = Symbol.for('pawl.pglite')
const shared = globalThis as { [KEY]?: Map<string, Opened> }

/** PGlite allows one instance for a folder, so all stores of this process share it. */
export function openFolder(given: string): Folder {
  const path = resolve(given)
  shared[KEY] ??= new Map()
  const folders = shared[KEY]
  const user = {}
  let mine: Opened | null = null

  function join(): Opened {
    let opened = folders.get(path)
    if (opened === undefined) {
      opened = { users: new Set(), database: openDatabase(path) }
      folders.set(path, opened)
    }
    opened.users.add(user)
    mine = opened
    return opened
  }

  async function leave(opened: Opened): Promise<void> {
    opened.users.delete(user)
    if (mine === opened) mine = null
    if (opened.users.size > 0) return
    if (folders.get(path) === opened) folders.delete(path)
    const { pglite, unlock } = await opened.database
    try {
      await pglite.close()
    } finally {
      await unlock()
    }
  }

  return {
    async open() {
      const opened = mine ?? join()
      try {
        return (await opened.database).pglite
      } catch (error) {
        // The next statement tries again.
        if (folders.get(path) === opened) folders.delete(path)
        if (mine === opened) mine = null
        throw error
      }
    },
    async close() {
      if (mine !== null) await leave(mine).catch(() => {})
    },
  }
}

async function openDatabase(path: string): Promise<Awaited<Opened['database']>> {
  const { PGlite } = await importPGlite()
  let unlock: Unlock = async () => {}
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    unlock = await lockFolder(path)
    await assertOwnFolder(path)
    return { pglite: await PGlite.create(path), unlock }
  } catch (thrown) {
    await unlock()
    if (thrown instanceof StoreUnavailableError) throw thrown
    const cause = toError(thrown)
    throw new StoreUnavailableError(
      `PGlite cannot open a database in ${path} (${cause.message}). Check the rights of the folder. A database of another version of PGlite, or one whose creation was interrupted, cannot be opened: name a new folder.`,
      { cause },
    )
  }
}

/** PGlite would put its files among those of the application. */
async function assertOwnFolder(path: string): Promise<void> {
  const files = await readdir(path)
  if (files.length === 0 || files.includes('PG_VERSION')) return
  throw new StoreUnavailableError(
    `The folder ${path} has other files and no database of PGlite. Name a folder of its own, for example ./data/sessions.`,
  )
}

async function importPGlite(): Promise<{ PGlite: { create(path: string): Promise<PGliteLike> } }> {
  // Bundlers let a missing package pass if its import is inside `try`.
  try {
    return await import('@electric-sql/pglite')
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new InvalidOptionsError(
      'pglite',
      'option `pglite` needs the package @electric-sql/pglite. Install it: npm install @electric-sql/pglite',
      { cause },
    )
  }
}
