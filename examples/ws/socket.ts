/** The part of the page that talks through a socket. Sign out in another tab, and it closes. */
export const SOCKET = `
<form id="talk"><input name="text" placeholder="Say something" maxlength="200"> <button>Send</button></form>
<output id="socket"></output>
<script type="module">
  const show = (text) => { document.getElementById('socket').textContent = text }
  let socket
  function connect() {
    socket = new WebSocket(location.origin.replace('http', 'ws') + '/socket')
    socket.onmessage = ({ data }) => show(data)
    socket.onclose = async ({ code, reason }) => {
      show('closed: ' + code + ' ' + reason)
      if (code === 4001) return // the session is over
      // A page does not learn why a handshake failed. An expired access token is renewed here.
      const { status } = await fetch('/session/refresh', { method: 'POST' }).catch(() => ({ status: 0 }))
      if (status !== 401) setTimeout(connect, 2000)
    }
  }
  connect()
  document.getElementById('talk').addEventListener('submit', (event) => {
    event.preventDefault()
    socket.send(new FormData(event.target).get('text'))
    event.target.reset()
  })
</script>
`
