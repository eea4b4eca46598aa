import type { Command } from './command.ts'
import { keysList, keysReset, keysRotate } from './keys.ts'
import { prune } from './prune.ts'
import { sessionsList } from './sessions-list.ts'
import { sessionsRevoke } from './sessions-revoke.ts'
import { sessionsShow } from './sessions-show.ts'
import { migrate, secret } from './setup.ts'
import { status } from './status.ts'

/** Everything the command line can do, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  secret,
  migrate,
  status,
  sessionsList,
  sessionsShow,
  sessionsRevoke,
  keysList,
  keysRotate,
  keysReset,
  prune,
]
