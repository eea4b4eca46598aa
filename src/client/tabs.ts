import type { CookieAnswer } from '../wire/names.ts'
import type { ClientState } from './client-state.ts'
import { acceptAnswer } from './credentials.ts'
import { elapsedTime } from './elapsed-time.ts'
import { becomeSignedIn, becomeSignedOut } from './session.ts'

type TabMessageKind = 'login' | 'refresh' | 'logout'

/** Never contains a token. */
type TabMessage = readonly [kind: TabMessageKind, answer: Partial<CookieAnswer>]

/** Tells the other tabs of the browser about a sign-in, refresh or sign-out. */
export function broadcast(
  client: ClientState,
  kind: TabMessageKind,
  { expiresIn, csrfToken, marker }: Partial<CookieAnswer> = {},
): void {
  client.channel?.postMessage([kind, { expiresIn, csrfToken, marker }])
}

/** Takes over what another tab has done. */
export function onTabMessage(client: ClientState, { data }: MessageEvent<Partial<TabMessage> | null>): void {
  const [kind, answer = {}] = data ?? []
  if (kind === 'logout') {
    client.revision++
    becomeSignedOut(client)
    return
  }
  void acceptAnswer(client, answer, elapsedTime())
  if (kind === 'login') {
    client.isNewUser = true
    client.userSince = client.revision
  }
  // The tab that sent the request finds out whether the browser kept the cookies.
  client.unconfirmedUntil = 0
  // A refresh that a sign-out has overtaken signs nobody in.
  if (client.isNewUser || client.session.status === 'unknown') void becomeSignedIn(client)
}
