import { duration } from '../../portable/format.ts'
import type { Finding } from './finding.ts'
import type { ProcessFacts } from './process-facts.ts'

/** Milliseconds. Less is the business of NTP, and Pawl follows the clock of the database anyway. */
const MAX_SKEW = 5000

export function differentSecret({ at, keys }: ProcessFacts): Finding | null {
  const unusable = (keys ?? []).filter(
    ({ usable, verifiesUntil }) => !usable && (verifiesUntil === null || verifiesUntil.getTime() > at),
  )
  if (unusable.length === 0) return null
  const named = unusable.map(({ kid, epoch }) => `${kid} (epoch ${epoch})`)
  return {
    id: 'secret-differs',
    severity: 'problem',
    sentence: `This \`secret\` does not decrypt ${named.length === 1 ? 'the signing key' : 'the signing keys'} ${named.join(', ')}: a process with another one, or with a later release, has made ${named.length === 1 ? 'it' : 'them'}.`,
    remedy:
      'Give every process the same `secret`. To change it, deploy `secret: [old, new]` first, then `[new, old]`, and drop the old one after the longest idle timeout.',
  }
}

export function wrongClock({ skew }: ProcessFacts): Finding | null {
  if (skew === null || Math.abs(skew) <= MAX_SKEW) return null
  return {
    id: 'clock-skew',
    severity: 'warning',
    sentence: `The clock of this machine is ${duration(Math.abs(skew))} ${skew > 0 ? 'behind' : 'ahead of'} that of the database.`,
    remedy: 'Set both by NTP. Until then Pawl follows the clock of the database.',
  }
}
