/** A form that sends messages through a WebSocket. The socket closes when the user signs out in another tab. */
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
      if (code === 4001) return // the session has ended
      // A page cannot see why a handshake failed. If the access token has expired, this refreshes it.
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
