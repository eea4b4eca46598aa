import type { Entries } from './entries.ts'

/** The longest text. */
const MAX_LENGTH = 32_000
/** The most characters of a part that are not of the text. */
const HEAD_LENGTH = 40

type Slot = 'a' | 'b'

interface Version {
  readonly slot: Slot
  /** The version with the highest number is the newest. */
  readonly number: number
  readonly text: string
}

/** One text of any length, which a crash in the middle of a write does not damage. */
export interface Secret {
  /** @returns the text written last; null if there is none, or if it is damaged. @throws the error of the entries */
  read(): Promise<string | null>
  /** @throws RangeError if the text is too long; the error of the entries. The previous text then stays */
  write(text: string): Promise<void>
  /** @throws the error of the entries */
  remove(): Promise<void>
}

/**
 * Keeps a text in two slots that take turns. A slot is one part, or several if an entry cannot hold the text. Only the first part
 * makes it valid, and that is written last. The other slot, with the previous text, is retired after that.
 *
 * @param name of the text: its entries are `<name>.a`, `<name>.a.1`, and so on
 */
export function createSecret(entries: Entries, name: string): Secret {
  const partLength = Math.min(entries.capacity - HEAD_LENGTH, MAX_LENGTH)
  /** Parts besides the first. */
  const moreFor = (length: number): number => Math.max(Math.ceil(length / partLength) - 1, 0)
  const maxMore = moreFor(MAX_LENGTH)
  const keyOf = (slot: Slot, part: number): string => `${name}.${slot}${part ? `.${part}` : ''}`

  async function readSlot(slot: Slot): Promise<Version | null> {
    const first = /^(\d{1,16})\.(\w{1,16})\.(\d{1,2})\.(.*)$/.exec((await entries.read(keyOf(slot, 0))) ?? '')
    if (!first || Number(first[3]) > maxMore) return null
    const [, number, tag, more] = first
    let text = first[4]!
    for (let part = 1; part <= Number(more); part++) {
      const value = await entries.read(keyOf(slot, part))
      // A part of another version: a write of this slot was cut short.
      if (!value?.startsWith(`${tag}.`)) return null
      text += value.slice(tag!.length + 1)
    }
    return { slot, number: Number(number), text }
  }

  /** The versions, the newest first. */
  async function versions(read: (slot: Slot) => Promise<Version | null>): Promise<Version[]> {
    const found = [await read('a'), await read('b')].filter((version) => version !== null)
    return found.sort((one, other) => other.number - one.number)
  }

  // What cannot be read counts as absent: a new text must be able to replace it.
  const readable = (): Promise<Version[]> => versions((slot) => readSlot(slot).catch(() => null))

  async function empty(slot: Slot, remove: (key: string) => Promise<unknown>): Promise<void> {
    await remove(keyOf(slot, 0))
    let last = 0
    while (last < maxMore && (await entries.read(keyOf(slot, last + 1))) !== null) last++
    // From the end, so that no gap hides the rest if this is cut short.
    for (; last > 0; last--) await remove(keyOf(slot, last))
  }

  return {
    async read() {
      // Another process, such as an extension of the app, may write into one slot and remove the other between two reads.
      for (let attempt = 0; attempt < 2; attempt++) {
        const [newest] = await versions(readSlot)
        if (newest) return newest.text
      }
      return null
    },
    async write(text) {
      if (text.length > MAX_LENGTH)
        throw new RangeError(`${text.length} characters are too long for the keychain`)
      const more = moreFor(text.length)
      const [newest] = await readable()
      const [slot, other]: [Slot, Slot] = newest?.slot === 'a' ? ['b', 'a'] : ['a', 'b']
      // By the clock, so that it outlives a version that could not be read.
      const number = Math.max(Date.now(), (newest?.number ?? 0) + 1)
      const tag = Math.random().toString(36).slice(2, 12) || '0'
      const partOf = (part: number): string => text.slice(part * partLength, (part + 1) * partLength)
      for (let part = 1; part <= more; part++)
        await entries.write(keyOf(slot, part), `${tag}.${partOf(part)}`)
      await entries.write(keyOf(slot, 0), `${number}.${tag}.${more}.${partOf(0)}`)
      // The text is kept, whatever happens to the previous one.
      await empty(other, entries.retire).catch(() => {})
    },
    async remove() {
      const [newest] = await readable()
      const [slot, other]: [Slot, Slot] = newest?.slot === 'a' ? ['a', 'b'] : ['b', 'a']
      // The previous text first: it must not come back if this is cut short.
      await empty(other, entries.remove)
      await empty(slot, entries.remove)
    },
  }
}
