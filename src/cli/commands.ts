import type { Command } from './command.ts'
import { keysList, keysReset, keysRotate } from './commands/keys/keys.ts'
import { prune } from './commands/prune.ts'
import { sessionsList } from './commands/sessions/list.ts'
import { sessionsRevoke } from './commands/sessions/revoke.ts'
import { sessionsShow } from './commands/sessions/show.ts'
import { migrate, secret } from './commands/setup.ts'
import { status } from './commands/status/status.ts'

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
