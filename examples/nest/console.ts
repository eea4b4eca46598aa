import type { IncomingMessage, ServerResponse } from 'node:http'
import { All, Controller, Inject, Req, Res } from '@nestjs/common'
import type { Sessions } from 'pawl'
import { type SessionsConsole, sessionsConsole } from 'pawl/console'
import { RequireSession, SESSIONS, Session, type SessionOf } from 'pawl/nest'

type AppSessions = Sessions<{ name: string; role: string }>

@Controller('admin/sessions')
export class ConsoleController {
  readonly #show: SessionsConsole<SessionOf<AppSessions>>

  constructor(@Inject(SESSIONS) sessions: AppSessions) {
    this.#show = sessionsConsole(sessions, {
      authorize(_req, { userId, claims }: SessionOf<AppSessions>) {
        return claims.role === 'administrator' ? { actor: userId } : null
      },
    })
  }

  @All(['', '*page'])
  @RequireSession()
  show(
    @Req() req: IncomingMessage,
    @Res() res: ServerResponse,
    @Session() session: SessionOf<AppSessions>,
  ): void {
    this.#show(req, res, session)
  }
}
