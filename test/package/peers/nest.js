import 'reflect-metadata'
import { Controller, Get, Module, Post } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { RequireSession, Session, SessionsModule } from 'pawl/nest'
import { listening, openSessions, visit } from './visit.js'

class AccountController {
  login(session) {
    return session.create({ userId: 'anna', claims: { role: 'admin' } })
  }

  me({ userId, claims }) {
    return { userId, role: claims.role }
  }
}
const { prototype } = AccountController
decorate('login', Post('login'))
decorate('me', Get('me'), RequireSession())
Controller()(AccountController)

class AppModule {}
Module({ imports: [SessionsModule.forRoot(await openSessions())], controllers: [AccountController] })(
  AppModule,
)

const app = await NestFactory.create(AppModule, { logger: false })
await app.listen(0, 'localhost')
await visit(await listening(app.getHttpServer()))

/** What a decorator of TypeScript does to a method whose first parameter is the session. */
function decorate(name, ...decorators) {
  Session()(prototype, name, 0)
  for (const decorator of decorators)
    decorator(prototype, name, Object.getOwnPropertyDescriptor(prototype, name))
}
