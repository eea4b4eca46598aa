import {
  BadRequestException,
  Body,
  Controller,
  Get,
  Header,
  HttpCode,
  Injectable,
  Module,
  Post,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { createSessions } from 'pawl'
import { RequireSession, Session, type SessionOf, SessionsModule } from 'pawl/nest'
import { postgres } from 'pawl/postgres'
import { page, userNamed } from '../page.ts'

/** An application uses the ConfigService of @nestjs/config instead. */
@Injectable()
class Config {
  readonly databaseUrl = process.env['DATABASE_URL']!
  readonly secret = process.env['PAWL_SECRET']!
}

@Module({ providers: [Config], exports: [Config] })
class ConfigModule {}

function openSessions({ databaseUrl, secret }: Config) {
  return createSessions<{ name: string }>({ store: postgres({ connectionString: databaseUrl }), secret })
}
type UserSession = SessionOf<Awaited<ReturnType<typeof openSessions>>>

@Controller()
class AccountController {
  @RequireSession({ optional: true })
  @Get()
  @Header('content-type', 'text/html')
  home(@Session() session: UserSession): string {
    return page(session.current?.claims.name ?? null)
  }

  @Post('login')
  @HttpCode(200)
  login(@Session() session: UserSession, @Body() body: unknown) {
    const user = userNamed(body)
    if (user === null) throw new BadRequestException({ code: 'no_such_user' })
    return session.create({ userId: user.id, claims: { name: user.name } })
  }

  @RequireSession()
  @Get('me')
  me(@Session() { userId, claims }: UserSession) {
    return { userId, name: claims.name }
  }
}

@Module({
  imports: [
    // Also serves /session/refresh and /session/logout.
    SessionsModule.forRootAsync({ imports: [ConfigModule], inject: [Config], useFactory: openSessions }),
  ],
  controllers: [AccountController],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] })
await app.listen(Number(process.env['PORT']), '127.0.0.1')
console.log(`Listening on http://localhost:${process.env['PORT']}`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void app.close() // closes the server, then the sessions
    // Browsers keep idle connections open.
    setTimeout(() => app.getHttpServer().closeAllConnections(), 1000).unref()
  })
}
