/**
 * The script of every page. Without it, times and figures stay as they were when the page was made. As text, because a bundler
 * of the application could break a function.
 */
export const SCRIPT = `const units = [[172800, 86400, 'days'], [7200, 3600, 'h'], [120, 60, 'min'], [0, 1, 's']]

/** The same words as those of the server. */
const duration = (ms) => {
  const seconds = ms / 1000
  const [, size, name] = units.find(([from]) => seconds >= from)
  return Math.floor(seconds / size).toLocaleString('en-US') + ' ' + name
}

const tellTimes = () => {
  const now = Date.now()
  for (const time of document.querySelectorAll('time[data-ago]')) {
    const ms = now - Date.parse(time.dateTime)
    const text = ms >= 0 ? duration(ms) + ' ago' : 'in ' + duration(-ms)
    if (time.textContent !== text) time.textContent = text
  }
}

const points = (values) => {
  const top = Math.max(...values, 1)
  return values.map((value, at) => (at / (values.length - 1) * 100).toFixed(1) + ',' + (26 - value / top * 24).toFixed(1)).join(' ')
}

// The application renews an expired session when a page is loaded, and not for a request of a script or a form. A tab that
// nobody has used for 15 minutes does not keep its administrator signed in. A reload by this script is no use.
let used = Number(sessionStorage.getItem('pawl-used')) || Date.now()
sessionStorage.removeItem('pawl-used')
for (const type of ['pointerdown', 'keydown', 'visibilitychange'])
  addEventListener(type, () => {
    used = Date.now()
  })

const renew = () => {
  if (document.hidden || performance.now() < 60000 || Date.now() - used > 900000) return
  sessionStorage.setItem('pawl-used', used)
  location.reload()
}
if (document.querySelector('form[method="post"]')) {
  setInterval(renew, 240000)
  addEventListener('visibilitychange', renew)
}

const live = document.querySelector('[data-live]')

const tellFigures = async () => {
  if (document.hidden) return
  const answer = await fetch(live.dataset.live, { cache: 'no-store' }).catch(() => null)
  live.classList.toggle('stopped', !answer?.ok)
  if (answer?.status === 401) renew()
  if (!answer?.ok) return
  const { rates, minutes, staleness } = await answer.json()
  for (const [name, rate] of Object.entries(rates)) {
    live.querySelector('[data-rate="' + name + '"]').textContent = rate.toLocaleString('en-US')
    live.querySelector('[data-line="' + name + '"]').setAttribute('points', points(minutes[name]))
  }
  const read = document.querySelector('[data-staleness]')
  if (read && staleness) read.textContent = staleness
}

setInterval(tellTimes, 10000)
if (live) setInterval(tellFigures, 5000)

// Two clicks do nothing twice.
for (const form of document.querySelectorAll('form[method="post"]'))
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) event.preventDefault()
    form.dataset.sent = 'yes'
  })
addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('form[data-sent]')) delete form.dataset.sent
})

// The result of an action does not belong into a bookmark.
const here = new URL(location.href)
if (here.searchParams.has('done')) {
  here.searchParams.delete('done')
  history.replaceState(null, '', here)
}
`
