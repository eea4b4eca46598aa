import { createNaming } from '../tokens.ts'
import type { Challenge, Proof } from './device.ts'
import type { Access, BoundWorld, Call, Jar, Message, Stored } from './world.ts'

/** Names a world by what it holds, whatever its tokens are numbered and whenever it happens. */
export function keyOf(world: BoundWorld): string {
  const { now, thief, before, count } = world
  const { label, token } = createNaming(now)
  const stored = ({ row, key }: Stored): string =>
    `${key?.[0]}${row.generation}/${label(row.current)}/${row.previous === null ? '' : label(row.previous)}/${now - row.turnedAt}/${row.switchedAt === null ? '' : now - row.switchedAt}`
  const access = ({ issuedAt, expiresAt, version, authTime }: Access): string => {
    const renewed = world.renewals.length > 0 ? `^${now - issuedAt}/${now - authTime}` : ''
    return `${Math.max(0, expiresAt - now)}${version < world.version ? 'x' : ''}${renewed}`
  }
  const proof = (value: Proof | null): string =>
    value === null
      ? '-'
      : `${token(value.token)}@${now - value.at}/${now - value.challengedAt}${value.key[0]}`
  const challenge = (value: Challenge | null): string =>
    value === null ? '-' : `${token(value.token)}@${now - value.at}`
  const jar = ({ refresh, access: held, device }: Jar): string =>
    `${token(refresh)},${access(held)},${proof(device)}`
  const call = (value: Call | null): string => {
    if (value === null) return '-'
    if (value.kind === 'request') return `?${token(value.token)},${proof(value.proof)}@${now - value.sentAt}`
    const held = value.access === null ? '-' : access(value.access)
    return `!${token(value.child)},${held}@${value.arrivesBy - now}${value.mustArrive ? '!' : ''}`
  }
  const message = (value: Message): string => {
    if (value.kind === 'prove') return `p${challenge(value.challenge)}@${now - value.sentAt}`
    if (value.kind === 'proved') return `P${proof(value.device)}@${value.arrivesBy - now}`
    const [kind] = value.kind
    return 'sentAt' in value ? `${kind}${now - value.sentAt}` : `${kind}!${value.arrivesBy - now}`
  }
  let key = `${stored(world)} ${jar(world.jar)}`
  for (const old of world.unsynced) key += `|${stored(old)}`
  if (before !== null) key += ` <${jar(before.jar)}@${now - before.movedAt}`
  for (const value of world.calls) key += ` ${call(value)}`
  for (const value of world.messages) key += ` ${message(value)}`
  if (world.lineage > 0 || world.renewals.length > 0) {
    key += ` L${world.lineage}${world.reuseSince === null ? '' : `r${now - world.reuseSince}`}`
    for (const { lineage, at, authTime } of world.renewals) key += ` ${lineage}@${now - at}/${now - authTime}`
  }
  if (world.registerAt !== null) key += ` g${now - world.registerAt}`
  if (!world.hasKey) key += ' h'
  if (world.signed !== null) key += ` s${challenge(world.signed)}`
  if (thief !== null) {
    const { promised, registerAt } = thief
    key += ` ~${thief.ofBound ? '' : 'u'}${promised - now}${registerAt === null ? '' : `g${now - registerAt}`}`
    for (const value of thief.tokens) key += ` ${token(value)}`
    for (const value of thief.proofs) key += ` ${proof(value)}`
    for (const value of thief.access) key += ` ${access(value)}`
    key += challenge(thief.challenge)
  }
  return `${key} ${Object.values(count).join('.')}`
}
