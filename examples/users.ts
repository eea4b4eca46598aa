import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

export interface User {
  readonly id: string
  readonly name: string
  readonly role: 'administrator' | 'member'
}

interface StoredUser extends User {
  readonly salt: Buffer
  readonly hash: Buffer
}

const COST: ScryptOptions = { N: 2 ** 15, r: 8, p: 1, maxmem: 2 ** 26 }

/** The password of every user. For the examples only. */
export const PASSWORD = 'correct horse battery staple'

const UNKNOWN_USER: StoredUser = {
  id: '',
  name: '',
  role: 'member',
  salt: randomBytes(16),
  hash: randomBytes(32),
}
const USERS = new Map([
  ['anna', await createUser({ id: '1', name: 'Anna', role: 'administrator' })],
  ['berta', await createUser({ id: '2', name: 'Berta', role: 'member' })],
])

/** @returns null when the name or the password is wrong */
export async function userByPassword(name: string, password: string): Promise<User | null> {
  const user = USERS.get(name.toLowerCase()) ?? UNKNOWN_USER
  // Hashes for an unknown name too, so that the response time does not reveal which names exist.
  const matches = timingSafeEqual(await hashOf(password, user.salt), user.hash)
  return matches && user !== UNKNOWN_USER ? { id: user.id, name: user.name, role: user.role } : null
}

async function createUser(user: User): Promise<StoredUser> {
  const salt = randomBytes(16)
  return { ...user, salt, hash: await hashOf(PASSWORD, salt) }
}

function hashOf(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 32, COST, (error, hash) => (error === null ? resolve(hash) : reject(error)))
  })
}
