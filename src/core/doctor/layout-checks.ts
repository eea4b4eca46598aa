import type { StoreStatus } from '../store-status.ts'
import type { Finding } from './finding.ts'
import { identifier } from './identifier.ts'

/** What is wrong with the layout, and what to do about it. */
export function layoutProblems({ layout, schema: { name } }: StoreStatus): Finding[] {
  if (layout === null) return []
  const { isCoordinator, tables } = layout
  const { sessions, signingKeys, migrations } = tables
  const fromCoordinator = 'Run `npx pawl migrate --distribute` with the URL of the coordinator.'
  const table = `'${identifier(name).replaceAll("'", "''")}.sessions'`
  if (sessions.placement === 'plain')
    return isCoordinator
      ? []
      : [
          finding(
            'layout-worker',
            'This server is a worker of Citus, and tables of Pawl that only this worker or the coordinator has are not part of the cluster.',
            `Connect to the coordinator. ${fromCoordinator}`,
          ),
        ]
  const found: Finding[] = []
  if (sessions.placement === 'distributed' && sessions.column !== 'id')
    found.push(
      finding(
        'layout-column',
        `sessions is distributed by ${sessions.column ?? 'an unknown column'}, and Pawl's statements name the id.`,
        `Run \`select alter_distributed_table(${table}, distribution_column => 'id', colocate_with => 'none')\`.`,
      ),
    )
  if (sessions.placement === 'reference')
    found.push(
      finding(
        'layout-reference',
        'sessions is a reference table, so every write needs every node.',
        `Run \`select undistribute_table(${table})\`, then \`npx pawl migrate --distribute\`.`,
      ),
    )
  const hidden = Object.entries({ signing_keys: signingKeys, migrations })
    .filter(([, { placement }]) => placement === 'plain')
    .map(([each]) => each)
  if (hidden.length > 0)
    found.push(
      finding(
        'layout-hidden',
        `Workers do not see ${hidden.join(' and ')}, so a process that connects to a worker does not start.`,
        fromCoordinator,
      ),
    )
  return found
}

function finding(id: string, sentence: string, remedy: string): Finding {
  return { id, severity: 'problem', sentence, remedy }
}
