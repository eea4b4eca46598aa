// Checks that a tag may be released, and prints its release notes: `node scripts/check-release.js v1.2.3`.
import { readFileSync } from 'node:fs'

const HEADING = /^## (\S+)(?: - (\d{4}-\d{2}-\d{2}))?$/

const [tag = ''] = process.argv.slice(2)
const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const sections = readSections(readFileSync('CHANGELOG.md', 'utf8'))
const released = sections.get(version)

const problems = []
if (tag !== `v${version}`) problems.push(`The tag is "${tag}", but package.json has version ${version}.`)
if (!released?.text) problems.push(`CHANGELOG.md has no section "## ${version}", or an empty one.`)
else if (!released.date) problems.push(`The section "## ${version}" of CHANGELOG.md has no date.`)
if (!sections.has('Unreleased')) problems.push('CHANGELOG.md has no section "## Unreleased".')
if (sections.get('Unreleased')?.text)
  problems.push(`"## Unreleased" of CHANGELOG.md is not empty. Move its entries to "## ${version}".`)

if (problems.length > 0) {
  process.stderr.write(`${problems.join('\n')}\n`)
  process.exitCode = 1
} else {
  process.stdout.write(`${released.text}\n`)
}

/**
 * @param {string} changelog
 * @returns {Map<string, { date: string | undefined, text: string }>} by version
 */
function readSections(changelog) {
  const found = new Map()
  for (const part of changelog.split(/^(?=## )/m)) {
    const [heading = '', ...lines] = part.split('\n')
    const [, name, date] = HEADING.exec(heading.trimEnd()) ?? []
    if (name !== undefined) found.set(name, { date, text: lines.join('\n').trim() })
  }
  return found
}
