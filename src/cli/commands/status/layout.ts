import type { StoreStatus } from '../../../postgres/index.ts'
import { quoted } from '../../../postgres/names.ts'

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

/** What is wrong with the layout, and what to do about it. */
export function layoutProblems({ layout, schema: { name } }: StoreStatus): string[] {
  if (layout === null) return []
  const { isCoordinator, tables } = layout
  const { sessions, signingKeys, migrations } = tables
  const fromCoordinator = 'Run `npx pawl migrate --distribute` with the URL of the coordinator.'
  const table = `'${identifier(name)}.sessions'`
  if (sessions.placement === 'plain')
    return isCoordinator
      ? []
      : [
          `This server is a worker of Citus, and tables of Pawl that only this worker or the coordinator has are not part of the cluster. Connect to the coordinator. ${fromCoordinator}`,
        ]
  const found: string[] = []
  if (sessions.placement === 'distributed' && sessions.column !== 'id')
    found.push(
      `sessions is distributed by ${sessions.column ?? 'an unknown column'}, and Pawl's statements name the id. Run \`select alter_distributed_table(${table}, distribution_column => 'id', colocate_with => 'none')\`.`,
    )
  if (sessions.placement === 'reference')
    found.push(
      `sessions is a reference table, so every write needs every node. Run \`select undistribute_table(${table})\`, then \`npx pawl migrate --distribute\`.`,
    )
  const hidden = Object.entries({ signing_keys: signingKeys, migrations })
    .filter(([, { placement }]) => placement === 'plain')
    .map(([each]) => each)
  if (hidden.length > 0)
    found.push(
      `Workers do not see ${hidden.join(' and ')}, so a process that connects to a worker does not start. ${fromCoordinator}`,
    )
  return found
}

/** A schema's name inside a string of SQL. */
function identifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoted(name).replaceAll("'", "''")
}
