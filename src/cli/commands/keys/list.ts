import { counted, time, timeAgo } from '../../../portable/format.ts'
import type { Command } from '../../command.ts'
import { withMigratedStore } from '../../database.ts'
import { table } from '../../terminal/table.ts'
import { type KeyRole, type ListedKey, listKeys, NO_KEYS } from './listed-keys.ts'

const STATES: Readonly<Record<KeyRole, string>> = {
  signs: 'signs now',
  next: 'next',
  verifies: 'still verifies',
  retired: 'retired',
}

export const keysList: Command = {
  name: 'keys list',
  usage: '',
  summary: 'List the signing keys: the one that signs, the next one, and those that still verify.',
  details: 'Needs no secret, and never shows the keys themselves.',
  maxArguments: 0,
  options: {},
  needsDatabase: true,
  readOnly: true,
  examples: ['npx pawl keys list'],
  run: (context) =>
    withMigratedStore(context, async (store) => {
      const now = new Date((await store.time()) ?? Date.now())
      const keys = await listKeys(store, now.getTime())
      context.out.result({ keys }, () =>
        keys.length === 0 ? NO_KEYS : overview(keys, now, context.out.width),
      )
      return 0
    }),
}

/** Retired keys are only counted, since there may be hundreds. */
function overview(keys: readonly ListedKey[], now: Date, width: number): string {
  const live = keys.filter(({ role }) => role !== 'retired')
  const retired = keys.length - live.length
  const lines = table(
    ['epoch', 'kid', 'algorithm', 'state', 'signs from', 'verifies until', 'created'],
    live.map((key) => [
      String(key.epoch),
      key.kid,
      key.algorithm,
      STATES[key.role],
      timeAgo(key.signsFrom, now),
      key.verifiesUntil === null ? 'replaced' : timeAgo(key.verifiesUntil, now),
      time(key.createdAt),
    ]),
    width,
  )
  return retired === 0 ? lines : `${lines}\nand ${counted(retired, 'retired key')}`
}
