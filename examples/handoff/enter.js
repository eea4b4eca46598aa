const code = location.hash.slice(1)
history.replaceState(null, '', location.pathname) // keeps the code out of the history

// In a web view the app sets it. In a browser a page of this origin did, before it left.
const verifier = globalThis.handoffVerifier ?? localStorage.getItem('handoff-verifier')
localStorage.removeItem('handoff-verifier')

const response = await fetch('/enter', {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ code, verifier }),
})
location.replace(response.ok ? '/checkout' : '/sign-in')
