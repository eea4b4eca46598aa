import { refuseAllBut } from '../core/read-only.ts'
import type { PostgresStore } from './index.ts'

/** The methods that only read. They work on a standby, and with a role that may only SELECT. */
const READS = [
  'start',
  'close',
  'status',
  'time',
  'read',
  'readMany',
  'missingRows',
  'listByUser',
  'newestLogin',
  'liveByUser',
  'changes',
  'keys',
  'lostConnections',
] as const satisfies readonly (keyof PostgresStore)[]

/** A store that refuses every write before it reaches the database. A standby has no LISTEN and NOTIFY. */
export function readOnlyStore(store: PostgresStore): PostgresStore {
  return Object.assign(refuseAllBut(store, READS), {
    readOnly: true,
    listen: () => null,
    notify: async () => false,
    using: (client: unknown) =>
      refuseAllBut(store.using(client), ['read', 'listByUser', 'newestLogin', 'liveByUser']),
  })
}
