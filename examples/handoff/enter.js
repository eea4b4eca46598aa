const code = location.hash.slice(1)
history.replaceState(null, '', location.pathname) // keeps the code out of the history

// In a web view the app sets it. In a browser this tab did, before it left for the other site.
const verifier = globalThis.handoffVerifier ?? sessionStorage.getItem('handoff-verifier')
sessionStorage.removeItem('handoff-verifier')

const response = await fetch('/enter', {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ code, verifier }),
})
location.replace(response.ok ? '/checkout' : '/sign-in')
