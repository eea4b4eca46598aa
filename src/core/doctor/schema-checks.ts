import type { StoreStatus } from '../store-status.ts'
import type { Finding } from './finding.ts'

const PART_NAMES: Readonly<Record<StoreStatus['unknown'][number]['part'], string>> = {
  standby: 'the server',
  layout: 'the layout',
  schema: 'the migrations',
  rights: 'the rights of the role',
  keys: 'the keys',
  sessions: 'the sessions',
  revocations: 'the revocations',
  table: 'the table',
  vacuum: 'the state of VACUUM',
  listeners: 'the listening processes',
  queueUsage: 'the NOTIFY queue',
}

export function missingMigrations({ schema, layout }: StoreStatus): Finding | null {
  const { name, applied, missing, unknown } = schema
  if (applied === null || missing === null || missing.length === 0) return null
  const where = layout?.isCoordinator === false ? ' with the URL of the coordinator' : ''
  return applied.length === 0 && unknown?.length === 0
    ? {
        id: 'tables-missing',
        severity: 'problem',
        sentence: `There are no Pawl tables in schema ${name}.`,
        remedy: `Run \`npx pawl migrate\`${where} to create them, or name another schema with --schema.`,
      }
    : {
        id: 'migrations-missing',
        severity: 'problem',
        sentence: `Migration ${missing.join(', ')} is missing.`,
        remedy: `Run \`npx pawl migrate\`${where}.`,
      }
}

export function breakingMigrations({ schema }: StoreStatus): Finding | null {
  const breaking = (schema.unknown ?? []).filter((migration) => migration.breaking).map(({ id }) => id)
  if (breaking.length === 0) return null
  return {
    id: 'migrations-later',
    severity: 'problem',
    sentence: `The schema has migration ${breaking.join(', ')} from a later version of Pawl, and this version cannot work with it.`,
    remedy: 'Update `pawl`.',
  }
}

/** The store has put both into one sentence: `The role "app" may not …; have "owner" run: …` */
export function missingRights({ schema }: StoreStatus): Finding | null {
  if (schema.missingRights === null) return null
  const [what, remedy = ''] = schema.missingRights.split(/; have (?=.* run: )/s)
  return {
    id: 'rights-missing',
    severity: 'problem',
    sentence: `${what}.`,
    remedy: `Have ${remedy}`,
  }
}

/** A dead node or a lock makes several parts fail for the same reason. */
export function unreadableParts({ unknown }: StoreStatus): Finding | null {
  const byWords = new Map<string, string[]>()
  for (const { part, why, words } of unknown)
    if (why === 'failed') byWords.set(words!, [...(byWords.get(words!) ?? []), PART_NAMES[part]])
  if (byWords.size === 0) return null
  const reasons = [...byWords].map(([words, parts]) => `${listed(parts)} (${words})`)
  return {
    id: 'status-unreadable',
    severity: 'warning',
    sentence: `Pawl could not read ${reasons.join('; ')}.`,
    remedy: 'Check that every node of the database runs, and look for locks in `pg_stat_activity`.',
  }
}

/** `a, b and c` */
function listed(names: readonly string[]): string {
  return names.length === 1 ? names[0]! : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
