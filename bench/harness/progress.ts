/** Shows one line on a terminal, rewritten in place. Elsewhere it prints one line per step. */
export function createProgress(): { show(step: string, done?: number): void; clear(): void } {
  const { stderr } = process
  let shown = ''
  return {
    show(step, done) {
      if (stderr.isTTY)
        stderr.write(`\r\u001b[K${step}${done === undefined ? '' : ` ${Math.round(done * 100)} %`}`)
      else if (step !== shown) stderr.write(`${step}\n`)
      shown = step
    },
    clear() {
      if (stderr.isTTY) stderr.write('\r\u001b[K')
    },
  }
}
