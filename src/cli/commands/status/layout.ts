import type { StoreStatus } from '../../../postgres/index.ts'

type Table = NonNullable<StoreStatus['layout']>['tables']['sessions']

/** Where the rows are, for people. */
export function layoutLine({ isCoordinator, tables }: NonNullable<StoreStatus['layout']>): string {
  const { sessions, signingKeys, migrations } = tables
  return [
    `Citus ${isCoordinator ? 'coordinator' : 'worker'}`,
    `sessions ${describe(sessions)}`,
    `signing_keys ${describe(signingKeys)}`,
    `migrations ${describe(migrations)}`,
  ].join(', ')
}

function describe({ placement, column, shards }: Table): string {
  if (placement !== 'distributed') return placement
  return `distributed by ${column ?? 'an unknown column'}${shards === null ? '' : ` (${shards} shards)`}`
}
