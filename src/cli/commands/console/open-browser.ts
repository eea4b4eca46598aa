import { spawn } from 'node:child_process'

type Environment = Readonly<Record<string, string | undefined>>

/** The program that opens a link on this machine, with its arguments; null if there is none. */
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

/** Opens a link in the browser, if this machine has one. Never fails: the link is printed, too. */
export function openBrowser(link: string): void {
  const command = browserCommand(process.platform, process.env)
  if (command === null) return
  const [program, ...parameters] = command
  const child = spawn(program, [...parameters, link], { detached: true, stdio: 'ignore' })
  child.on('error', () => {})
  child.unref()
}
