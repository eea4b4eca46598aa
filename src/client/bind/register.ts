import { type CookieAnswer, PROOF_HEADER } from '../../wire/names.ts'
import type { ClientState } from '../client-state.ts'
import { acceptAnswer, callStorage } from '../credentials.ts'
import { elapsedTime } from '../elapsed-time.ts'
import { isSignInAnswer, readJson } from '../response-body.ts'
import { postToRoute } from '../routes.ts'
import { broadcast } from '../tabs.ts'
import { within } from '../within.ts'
import type { DeviceSigner } from './device-signer.ts'
import { signProof } from './proof.ts'

/**
 * Binds the session to the key of a signer.
 * @returns whether the server has answered: it has bound the session, or never will by this challenge
 */
export async function register(
  client: ClientState,
  signer: DeviceSigner,
  challenge: string,
): Promise<boolean> {
  const { revision } = client
  const requestedAt = elapsedTime()
  let response!: Response
  let body: unknown
  try {
    if (client.storage) {
      client.tokens = await callStorage(client, (storage) => storage.load())
      if (!client.tokens) return true
    }
    await within(async (signal) => {
      // A browser that binds sessions by itself does so before its next request, but not before one to `device`.
      if (!client.storage)
        await client.send(client.route('device.js'), {
          mode: 'no-cors',
          credentials: 'include',
          cache: 'no-store',
          signal,
        })
      const proof = await signProof(signer, { method: 'POST', url: client.route('device'), nonce: challenge })
      const { refreshToken } = client.tokens ?? {}
      response = await postToRoute(client, 'device', { refreshToken }, { [PROOF_HEADER]: proof }, signal)
      body = await readJson(response)
    }, client.timeout)
  } catch {
    return false
  }
  // Anything else may come from a proxy, or a server that is overloaded.
  if (!body || !/200|40[134]/.test(`${response.status}`)) return false
  if (response.ok && isSignInAnswer(body) && client.revision === revision) {
    await acceptAnswer(client, body, requestedAt)
    broadcast(client, 'refresh', body as CookieAnswer)
  }
  return true
}
