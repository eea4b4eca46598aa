import { hash } from 'node:crypto'
import { keyOf, thumbprintOf, verifySignature } from '../core/device/device-key.ts'
import { sessionIdsIn } from '../core/tokens/access-token.ts'
import { DeviceProofRequiredError, DeviceRequiredError } from '../portable/errors.ts'
import { parseProof, provesRequest } from '../portable/proof.ts'
import { PROOF_HEADER } from '../wire/names.ts'
import type { RequestSession } from './request-session.ts'

/**
 * The session is bound: its access token says so, or the browser has a device cookie and has not refreshed since.
 * @throws DeviceRequiredError, or as `session.require`
 */
export function assertBound<C extends object, D>(session: RequestSession<C, D>): void {
  const verified = session.require()
  if (verified.device !== null) return
  const { vouchedSessionIds } = session.request
  if (!sessionIdsIn(verified).some((id) => vouchedSessionIds.includes(id))) throw new DeviceRequiredError()
}

/**
 * The request has a proof by the key that its access token names (RFC 9449 section 7).
 * @throws DeviceRequiredError, DeviceProofRequiredError, or as `session.require`
 */
export function assertProven<C extends object, D>(session: RequestSession<C, D>): void {
  const { device } = session.require()
  if (device === null) throw new DeviceRequiredError()
  const { exchange, engine, path } = session.request
  const { method } = exchange
  const target = { method, host: exchange.header('host') ?? '', path }
  const proof = parseProof(exchange.header(PROOF_HEADER), 'dpop+jwt')
  const key = proof?.jwk ? keyOf(proof.jwk) : null
  const isProven =
    proof !== null &&
    key !== null &&
    thumbprintOf(key) === device &&
    session.presentedTokens.some((token) =>
      provesRequest(proof, target, hash('sha256', token, 'base64url'), engine.clock.now()),
    ) &&
    verifySignature(key, proof.input, proof.signature)
  if (!isProven) throw new DeviceProofRequiredError(null, null, 'request')
}
