import { existsSync } from 'node:fs'
import { readTestTitles } from './test-titles.ts'

/** The tests that a cell of a page names: code spans on lines of their own. A title with backticks is in a span of two. */
export function testsIn(cell: string): string[] {
  return cell === '-' ? [] : cell.split('<br>').map((span) => span.replace(/^(`+) ?(.*?) ?\1$/, '$2'))
}

/**
 * Whether the file has a test with these titles. The titles of the outer groups may be left out.
 * @param reference `file › title of a group › title`
 */
export function testExists(reference: string): boolean {
  const [file = '', ...titles] = reference.split(' › ')
  if (titles.length === 0 || !/^test\/.*\.test\.ts$/.test(file) || !existsSync(file)) return false
  return readTestTitles(file).some((path) => path.slice(-titles.length).join('\n') === titles.join('\n'))
}
