import type { Settings } from './suite.ts'

/** One line that overwrites itself on a terminal; elsewhere a line for each step and each third of one. */
export function createProgress(): { readonly show: Settings['progress']; clear(): void } {
  const { stderr } = process
  let last = ''
  return {
    show(step, done) {
      const share = done === undefined ? '' : ` ${Math.round(done * 100)} %`
      if (stderr.isTTY) {
        stderr.write(`\r\u001b[K${step}${share}`)
        return
      }
      const mark = `${step} ${done === undefined ? '' : Math.floor(done * 3)}`
      if (mark !== last) stderr.write(`${step}${share}\n`)
      last = mark
    },
    clear() {
      if (stderr.isTTY) stderr.write('\r\u001b[K')
    },
  }
}
