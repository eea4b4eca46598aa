import { type CookieAnswer, PROOF_HEADER, type ProblemBody } from '../../wire/names.ts'
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
 * @returns the server's answer: `bound`, or the code of its refusal; undefined if there is no answer yet
 */
export async function register(
  client: ClientState,
  signer: DeviceSigner,
  challenge: string,
): Promise<string | undefined> {
  const { revision } = client
  const requestedAt = elapsedTime()
  let response!: Response
  let body: unknown
  try {
    if (client.storage) {
      client.tokens = await callStorage(client, (storage) => storage.load())
      if (!client.tokens) return 'signed out'
    }
    await within(async (signal) => {
      const proof = await signProof(signer, { method: 'POST', url: client.route('device'), nonce: challenge })
      const { refreshToken } = client.tokens ?? {}
      response = await postToRoute(client, 'device', { refreshToken }, { [PROOF_HEADER]: proof }, signal)
      body = await readJson(response)
    }, client.timeout)
  } catch {
    return undefined
  }
  // Anything else may come from a proxy, or a server that is overloaded.
  if (!body || !/200|40[134]/.test(`${response.status}`)) return undefined
  if (response.ok && isSignInAnswer(body) && client.revision === revision) {
    await acceptAnswer(client, body, requestedAt)
    broadcast(client, 'refresh', body as CookieAnswer)
  }
  return (body as Partial<ProblemBody>).code ?? 'bound'
}
