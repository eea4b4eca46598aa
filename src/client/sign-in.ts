import type { CookieAnswer } from '../wire/names.ts'
import type { ClientState } from './client-state.ts'
import { acceptAnswer } from './credentials.ts'
import { elapsedTime } from './elapsed-time.ts'
import { before } from './hooks.ts'
import type { SignInAnswer } from './response-body.ts'
import { becomeSignedIn } from './session.ts'
import { broadcast } from './tabs.ts'

/** Sends the application's login. Null: the login was refused. */
export type Login = () => Promise<SignInAnswer | null> | SignInAnswer | null

/** Implements {@link SessionClient.signIn}. */
export async function signIn(client: ClientState, login: Login): Promise<boolean> {
  // Gets the CSRF token of the previous session: the login has to send it.
  if (client.csrf) await before(client, 'POST')
  const signingIn = client.runAlone(async () => {
    client.signingIn = signingIn
    client.userSince = ++client.revision
    const requestedAt = elapsedTime()
    try {
      const answer = await login()
      if (!answer) return false
      await acceptAnswer(client, answer, requestedAt)
      broadcast(client, 'login', answer as CookieAnswer)
      await client.device?.bind(answer)
    } finally {
      client.signingIn = undefined
      client.userSince = ++client.revision
    }
    client.reported = false
    return true
  })
  if (!(await signingIn)) return false
  client.isNewUser = true
  await becomeSignedIn(client)
  return client.session.status === 'signed-in'
}
