import type { Command } from './command.ts'
import { conformance } from './commands/conformance/conformance.ts'
import { consoleCommand } from './commands/console/console.ts'
import { keysList } from './commands/keys/list.ts'
import { keysReset } from './commands/keys/reset.ts'
import { keysRotate } from './commands/keys/rotate.ts'
import { migrate } from './commands/migrate.ts'
import { prune } from './commands/prune.ts'
import { secret } from './commands/secret.ts'
import { sessionsList } from './commands/sessions/list.ts'
import { sessionsRevoke } from './commands/sessions/revoke.ts'
import { sessionsShow } from './commands/sessions/show.ts'
import { status } from './commands/status/status.ts'

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  secret,
  migrate,
  status,
  consoleCommand,
  sessionsList,
  sessionsShow,
  sessionsRevoke,
  keysList,
  keysRotate,
  keysReset,
  prune,
  conformance,
]
