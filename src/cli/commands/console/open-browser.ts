import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

type Environment = Readonly<Record<string, string | undefined>>

/** The program that opens a file on this machine, with its arguments; null if there is none. */
export function browserCommand(
  platform: NodeJS.Platform,
  env: Environment,
): readonly [string, ...string[]] | null {
  // The browser of a remote shell is on another machine.
  if (env['SSH_CONNECTION'] || env['CI']) return null
  if (platform === 'darwin') return ['open']
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler']
  return env['DISPLAY'] || env['WAYLAND_DISPLAY'] ? ['xdg-open'] : null
}

/**
 * Opens a link in the browser, if this machine has one. Other users see the arguments of every program, so the browser gets
 * a file that only this user can read, and that moves on to the link. Never fails: the command prints the link, too.
 * @returns deletes the file
 */
export async function openBrowser(link: string): Promise<() => Promise<void>> {
  const command = browserCommand(process.platform, process.env)
  if (command === null) return async () => {}
  const folder = await mkdtemp(join(tmpdir(), 'pawl-')).catch(() => null)
  if (folder === null) return async () => {}
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true }).catch(() => {})
  try {
    const file = join(folder, 'console.html')
    await writeFile(file, movingTo(link), { mode: 0o600, flag: 'wx' })
    const [program, ...parameters] = command
    const child = spawn(program, [...parameters, pathToFileURL(file).href], {
      detached: true,
      stdio: 'ignore',
    })
    child.on('error', () => {})
    child.unref()
  } catch {
    // A full disk, for example.
  }
  return remove
}

function movingTo(link: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url=${link}">
<title>Pawl</title>
<a href="${link}">Open the console</a>
</html>
`
}
