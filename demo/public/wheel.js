/** How long the wheel takes to turn by one tooth. Milliseconds. */
const TURN_TIME = 550

/** Turns the wheel by one tooth for each generation. The pawl drops behind the tooth. */
export function createWheel() {
  const svg = document.querySelector('.wheel')
  const disc = /** @type {SVGGElement} */ (svg.querySelector('.wheel-disc'))
  const pawl = svg.querySelector('.wheel-pawl')
  const count = svg.querySelector('[data-wheel-count]')
  const step = 360 / Number(svg.getAttribute('data-teeth'))
  /** @type {number | null} */
  let shown = null

  return {
    /** @param {number} generation */
    show(generation) {
      if (generation === shown) return
      const moves = shown !== null && generation > shown
      shown = generation
      disc.style.transform = `rotate(${generation * step}deg)`
      count.textContent = String(generation)
      if (!moves || matchMedia('(prefers-reduced-motion: reduce)').matches) return
      pawl.animate(
        [
          { transform: 'rotate(0)' },
          { transform: 'rotate(-11deg)', offset: 0.9 },
          { transform: 'rotate(1.5deg)', offset: 0.96 },
          { transform: 'rotate(0)' },
        ],
        { duration: TURN_TIME * 1.08, easing: 'ease-in' },
      )
    },
  }
}
